import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import { AppError, toAppError } from '../../core/errors.ts';
import type { ServiceName } from '../settings.ts';
import { addAccountRoutes } from './account-routes.ts';
import { addDocumentRoutes } from './document-routes.ts';
import { describeError } from './error-response.ts';
import { addListingRoute } from './listing-route.ts';
import { addMetaRoutes, PUBLIC_PATHS } from './meta-routes.ts';
import { addPolicyRoutes } from './policy-routes.ts';
import type { RequestContext, RequestEnvironment, ServiceParts } from './request-environment.ts';

type App = OpenAPIHono<RequestEnvironment>;

const LINGER_MS = 300;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * The path as it was sent: names in it are decoded once, by the router, and `%2F`, `.` and `..` stay parts of names. The original client
 * doubles the slash after a base URL that ends with one.
 */
const pathOf = (target: string): string => {
  const path = target.replace(/^https?:\/\/[^/]*/i, '').replace(/[?#].*$/s, '');
  const single = path.replace(/^\/v1\/+/, '/v1/');
  return single.length > 1 ? single.replace(/\/+$/, '') : single;
};

/** Gives each request an id, a signal that ends it, and a line in the log when its connection is done with it. */
const addObservation = (app: App, service: ServiceName, parts: ServiceParts): void => {
  app.use(async (c, next) => {
    const given = c.req.header('x-request-id');
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
    c.set('requestId', requestId);
    const started = performance.now();
    const ending = new AbortController();
    const { incoming, outgoing } = c.env;
    const late = setTimeout(() => {
      ending.abort(new AppError('request.timeout', 'the request took too long'));
      // Whoever takes an answer too slowly gets no other one.
      if (outgoing.headersSent) incoming.socket.destroy();
    }, parts.limits.requestTimeoutMs);
    const force = (): void => ending.abort(parts.forced.reason);
    parts.forced.addEventListener('abort', force, { once: true });
    parts.metrics.requestsRunning(1);
    // An answer before the end of the body: the client gets a moment to read it, and need not send the rest. One that has sent
    // it by then may go on with the connection, and perhaps has.
    outgoing.once('finish', () => {
      if (incoming.complete) return;
      setTimeout(() => {
        if (!incoming.complete) incoming.socket.destroy();
      }, LINGER_MS).unref();
    });
    outgoing.once('close', () => {
      clearTimeout(late);
      parts.forced.removeEventListener('abort', force);
      parts.metrics.requestsRunning(-1);
      const seconds = (performance.now() - started) / 1000;
      const status = outgoing.writableFinished ? outgoing.statusCode : 499;
      parts.metrics.requestEnded(service, incoming.method ?? '', routeOf(c), status, seconds);
      parts.logger.info(
        {
          request_id: requestId,
          to: service,
          method: incoming.method,
          path: pathOf(incoming.url ?? ''),
          status,
          ms: Math.round(seconds * 1000),
          user: c.get('caller')?.user.name,
          account: c.get('caller')?.account.name,
          client: incoming.socket.remoteAddress,
        },
        'request',
      );
    });
    c.set('signal', ending.signal);
    await next();
    c.header('x-request-id', requestId);
    c.header('cache-control', 'no-store');
    if (parts.isStopping()) c.header('connection', 'close');
  });
};

/** The pattern of the route, never the path itself: a label of metrics must not have as many values as there are documents. */
const routeOf = (c: RequestContext): string => {
  const last = c.req.matchedRoutes.findLast(({ path }) => path !== '/*' && path !== '*');
  return last?.path ?? 'none';
};

const addAuthentication = (app: App, parts: ServiceParts): void => {
  app.use(async (c, next) => {
    if (!PUBLIC_PATHS.has(c.req.path)) {
      const caller = await parts.authenticator.authenticate({
        authorization: c.req.header('authorization'),
        asAccount: c.req.header('x-anchore-account'),
        clientAddress: c.env.incoming.socket.remoteAddress ?? 'unknown',
      });
      c.set('caller', caller);
    }
    await next();
  });
};

/** One service's whole API: `apiext` has all of it, `catalog` documents and the state of the service. */
export const createApp = (service: ServiceName, parts: ServiceParts): App => {
  const app: App = new OpenAPIHono<RequestEnvironment>({
    getPath: (_, options) => {
      const env = options?.env as RequestEnvironment['Bindings'] | undefined;
      return pathOf(env?.incoming.url ?? '/');
    },
    defaultHook: (result) => {
      if (result.success) return;
      const places = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      throw new AppError('request.invalid', places.join('; '));
    },
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'basic', { type: 'http', scheme: 'basic' });
  addObservation(app, service, parts);
  addAuthentication(app, parts);
  addMetaRoutes(app, parts, service === 'apiext' ? 'Anchore Engine' : 'Anchore Engine catalog');
  addListingRoute(app, parts);
  addDocumentRoutes(app, parts);
  if (service === 'apiext') {
    addAccountRoutes(app, parts);
    addPolicyRoutes(app, parts);
  }
  const tell = (c: RequestContext, thrown: unknown): Response => {
    const aborted = c.get('signal')?.aborted === true;
    const error = aborted ? toAppError(c.get('signal').reason) : thrown;
    const { status, body, headers } = describeError(error, c.get('requestId'));
    if (status === 500) parts.logger.error({ request_id: c.get('requestId'), err: thrown }, 'request failed');
    return c.json(body, status, headers);
  };
  app.onError((error, c) => tell(c, error));
  app.notFound((c) => tell(c, new AppError('request.not-found', `there is no ${c.req.method} ${c.req.path}`)));
  return app;
};
