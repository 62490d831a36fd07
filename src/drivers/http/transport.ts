import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { AppError, messageOf } from '../../core/errors.ts';
import { passwordOf } from '../../core/mask-url.ts';
import { registerSecret } from '../../core/secrets.ts';

/** Environment variables, as the composition root read them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** All in milliseconds. `headersMs` and `bodyMs` count from the last byte that moved. */
export interface Timeouts {
  readonly connectMs: number;
  readonly headersMs: number;
  readonly bodyMs: number;
}

const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 10_000, headersMs: 60_000, bodyMs: 60_000 };

/** Files of certificates by the option that names them, so that an error can say which is meant. */
export interface NamedFile {
  readonly option: string;
  readonly path: string;
}

export interface TransportOptions {
  readonly caFile?: NamedFile | undefined;
  readonly clientCertificateFile?: NamedFile | undefined;
  readonly clientKeyFile?: NamedFile | undefined;
  /** Whether the certificate of the store is checked. */
  readonly verify: boolean;
  readonly environment: Environment;
  readonly timeouts?: Timeouts | undefined;
}

/** Kept open for one endpoint; one request at a time on each, so that a slow one holds up no other. */
const CONNECTIONS = 64;

const readNamed = async (file: NamedFile | undefined): Promise<string | undefined> => {
  if (file === undefined) return undefined;
  try {
    return await readFile(file.path, 'utf8');
  } catch (cause) {
    throw new AppError('config.unreadable', `${file.option} ${file.path}: ${messageOf(cause)}`, { cause });
  }
};

/** As it stands in the URL, and as it is sent: a proxy may tell back what it was sent. */
const registerProxyPassword = (proxy: string): void => {
  registerSecret(passwordOf(proxy) ?? '');
  const url = URL.parse(proxy);
  if (url === null || url.password === '') return;
  try {
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    registerSecret(password);
    registerSecret(Buffer.from(`${user}:${password}`).toString('base64'));
  } catch {
    // a stray %: it cannot be sent either
  }
};

/** Opens the connections to a store. HTTP_PROXY, HTTPS_PROXY and NO_PROXY count as they stand in `environment`. */
export const openTransport = async (options: TransportOptions): Promise<Dispatcher> => {
  const { environment, timeouts = DEFAULT_TIMEOUTS } = options;
  const ca = await readNamed(options.caFile);
  const cert = await readNamed(options.clientCertificateFile);
  // As with Python's `ssl`, one file may hold both the certificate and its key.
  const key = (await readNamed(options.clientKeyFile)) ?? cert;
  const tls = {
    rejectUnauthorized: options.verify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
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
  for (const proxy of [httpProxy, httpsProxy]) registerProxyPassword(proxy);
  const noProxy = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
  try {
    return new EnvHttpProxyAgent({ ...common, requestTls: tls, httpProxy, httpsProxy, noProxy });
  } catch (cause) {
    throw new AppError('config.invalid', `HTTP_PROXY or HTTPS_PROXY is not a URL: ${messageOf(cause)}`, {
      cause,
      remedy: 'Set it to a URL such as http://proxy.example.com:3128, or unset it.',
    });
  }
};
