import { createServer } from 'node:http';
import { isIPv6 } from 'node:net';
import { AppError, messageOf } from '../../core/errors.ts';
import type { RunMetrics } from './metrics.ts';

/** Answers `GET /metrics` until it is disposed of. */
export interface MetricsServer extends Disposable {
  readonly url: string;
}

/** Port 0 takes a free one. Throws `usage.invalid` where the address cannot be used. */
export const startMetricsServer = async (metrics: RunMetrics, host: string, port: number): Promise<MetricsServer> => {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('There is /metrics here.\n');
      return;
    }
    void metrics.render().then(
      ({ text, contentType }) => response.writeHead(200, { 'content-type': contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(`${messageOf(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new AppError('usage.invalid', `--metrics-port ${port} of ${host} cannot be used: ${messageOf(cause)}`, {
          cause,
          remedy: 'Name a free port, and with --metrics-host an address of this machine.',
        }),
      ),
    );
    server.listen({ host, port }, resolve);
  });
  server.unref();
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}/metrics`,
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};
