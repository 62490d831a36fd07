import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { AppError, messageOf } from '../../core/errors.ts';
import type { Environment } from '../environment.ts';
import type { Settings } from '../settings.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Between two parts of an answer, or of a body that is sent. A large document takes its time to be stored. */
const IDLE_TIMEOUT_MS = 120_000;
/** Kept open; one request at a time on each. */
const CONNECTIONS = 64;

const readCertificates = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('config.unreadable', `--cacert ${file}: ${messageOf(cause)}`, { cause });
  }
};

/** Opens the connections to the service. HTTP_PROXY, HTTPS_PROXY and NO_PROXY count, as for the original client. */
export const openDispatcher = async (settings: Settings, environment: Environment): Promise<Dispatcher> => {
  const ca = settings.caFile === undefined ? undefined : await readCertificates(settings.caFile);
  const tls = { rejectUnauthorized: settings.verify, ...(ca !== undefined && { ca }) };
  const common = {
    connections: CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    headersTimeout: IDLE_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
    connect: { ...tls, timeout: CONNECT_TIMEOUT_MS },
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
