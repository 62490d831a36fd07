import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '../../core/errors.ts';

/** Environment variables, as the composition root read them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface TransportOptions {
  readonly caFile: string | undefined;
  readonly verify: boolean;
  readonly environment: Environment;
  readonly timeouts: Timeouts;
}

/** All in milliseconds. `headersMs` and `bodyMs` count from the last byte that moved. */
export interface Timeouts {
  readonly connectMs: number;
  readonly headersMs: number;
  readonly bodyMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 10_000, headersMs: 60_000, bodyMs: 60_000 };

/** Kept open for one endpoint; one request at a time on each, so that a slow one holds up no other. */
const CONNECTIONS = 64;

const readCa = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new AppError('config.unreadable', `ca_file ${path}: ${messageOf(cause)}`, { cause });
  }
};

/** Opens the connections to a store. HTTP_PROXY, HTTPS_PROXY and NO_PROXY count as they stand in `environment`. */
export const openTransport = async (options: TransportOptions): Promise<Dispatcher> => {
  const { environment, timeouts } = options;
  const tls = {
    rejectUnauthorized: options.verify,
    ...(options.caFile !== undefined && { ca: await readCa(options.caFile) }),
  };
  const common = {
    connections: CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    connectTimeout: timeouts.connectMs,
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.bodyMs,
    connect: { ...tls, timeout: timeouts.connectMs, keepAlive: true },
  };
  const httpProxy = environment['http_proxy'] ?? environment['HTTP_PROXY'] ?? '';
  const httpsProxy = environment['https_proxy'] ?? environment['HTTPS_PROXY'] ?? '';
  if (httpProxy === '' && httpsProxy === '') return new Agent(common);
  const noProxy = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
  try {
    return new EnvHttpProxyAgent({ ...common, requestTls: tls, httpProxy, httpsProxy, noProxy });
  } catch (cause) {
    throw new AppError('config.invalid', `HTTP_PROXY or HTTPS_PROXY is not a URL: ${messageOf(cause)}`, { cause });
  }
};
