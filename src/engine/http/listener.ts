import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { AppError, messageOf } from '../../core/errors.ts';
import type { ServiceSettings } from '../settings.ts';

type FetchCallback = Parameters<typeof getRequestListener>[0];

/** How long a client may take to send the headers of a request. */
const HEADERS_TIMEOUT_MS = 15_000;
/** How long a connection may stand still within a request. */
const IDLE_TIMEOUT_MS = 120_000;
/** Longer than the minute for which load balancers keep theirs: whoever closes first must not be the service. */
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 2000;
const CLOSE_INTERVAL_MS = 100;

/** A service's port, open. */
export interface Listener {
  /** `http://127.0.0.1:8228` */
  readonly url: string;
  readonly port: number;
  /** No new connections; those that are idle are closed. Resolves when the last one has ended. */
  close(): Promise<void>;
  /** Ends what is left. */
  destroy(): void;
}

const readTls = async (tls: NonNullable<ServiceSettings['tls']>): Promise<{ cert: Buffer; key: Buffer }> => {
  const read = async (file: string, what: string): Promise<Buffer> => {
    try {
      return await readFile(file);
    } catch (cause) {
      throw new AppError('config.unreadable', `${what} ${file} cannot be read: ${messageOf(cause)}`, { cause });
    }
  };
  return { cert: await read(tls.certFile, 'ssl_cert'), key: await read(tls.keyFile, 'ssl_key') };
};

const create = async (settings: ServiceSettings, fetch: FetchCallback, requestTimeoutMs: number): Promise<Server> => {
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false });
  const listener: RequestListener = (incoming, outgoing) => void answer(incoming, outgoing);
  const options = {
    headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    connectionsCheckingInterval: Math.min(5000, requestTimeoutMs),
  };
  if (settings.tls === undefined) return createServer(options, listener);
  const tls = await readTls(settings.tls);
  try {
    return createTlsServer({ ...options, ...tls, minVersion: 'TLSv1.2' }, listener);
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `ssl_cert ${settings.tls.certFile} and ssl_key cannot be used: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
};

/** Opens a service's port. Throws `service.address`, `config.unreadable`. */
export const openListener = async (
  settings: ServiceSettings,
  fetch: FetchCallback,
  requestTimeoutMs: number,
): Promise<Listener> => {
  const server = await create(settings, fetch, requestTimeoutMs);
  server.maxConnections = MAX_CONNECTIONS;
  server.setTimeout(Math.min(IDLE_TIMEOUT_MS, requestTimeoutMs));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause) =>
    reject(
      new AppError(
        'service.address',
        `${settings.name} cannot listen on ${settings.listen}:${settings.port}: ${messageOf(cause)}`,
        {
          cause,
        },
      ),
    ),
  );
  server.listen({ host: settings.listen, port: settings.port }, resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  const name = settings.endpointHostname === '0.0.0.0' ? '127.0.0.1' : settings.endpointHostname;
  const host = name.includes(':') ? `[${name}]` : name;
  return {
    url: `${settings.tls === undefined ? 'http' : 'https'}://${host}:${port}`,
    port,
    close: () =>
      new Promise((done) => {
        // Connections that end their last request now become idle only afterwards.
        const timer = setInterval(() => server.closeIdleConnections(), CLOSE_INTERVAL_MS);
        server.close(() => {
          clearInterval(timer);
          done();
        });
      }),
    destroy: () => server.closeAllConnections(),
  };
};
