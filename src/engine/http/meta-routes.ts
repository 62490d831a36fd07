import { type OpenAPIHono, createRoute } from '@hono/zod-openapi';
import { isAppError } from '../../core/errors.ts';
import { DOCS_PAGE, DOCS_POLICY } from './docs-page.ts';
import type { RequestEnvironment, ServiceParts } from './request-environment.ts';
import { BASIC, COMMON_ERRORS, healthSchema, versionSchema } from './schemas.ts';

const TEXT: { type: 'string' } = { type: 'string' };
const ANY: { type: 'object' } = { type: 'object' };

/** What needs no user: nothing of it is about what the service keeps. */
export const PUBLIC_PATHS: ReadonlySet<string> = new Set(['/health', '/version', '/v1/openapi.json', '/v1/docs']);

/** How the service is, and how it is used. */
export const addMetaRoutes = (app: OpenAPIHono<RequestEnvironment>, parts: ServiceParts, title: string): void => {
  const health = { 'application/json': { schema: healthSchema } };
  app.openapi(
    createRoute({
      method: 'get',
      path: '/health',
      tags: ['system'],
      summary: 'Whether the service can answer requests',
      responses: {
        200: { description: 'It can', content: health },
        503: { description: 'It cannot: it stops, or its database does not answer', content: health },
      },
    }),
    async (c) => {
      if (parts.isStopping()) return c.json({ status: 'stopping' as const }, 503);
      try {
        await parts.checkDatabase();
        return c.json({ status: 'ok' as const }, 200);
      } catch (error) {
        if (!isAppError(error)) throw error;
        return c.json({ status: 'database' as const }, 503);
      }
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/version',
      tags: ['system'],
      summary: 'Versions of the service, of the API and of the tables',
      responses: { 200: { description: 'The versions', content: { 'application/json': { schema: versionSchema } } } },
    }),
    (c) =>
      c.json(
        { service: { version: parts.version }, api: { version: 'v1' }, db: { schema_version: parts.dbVersion } },
        200,
      ),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/metrics',
      tags: ['system'],
      summary: 'Metrics, in the form of Prometheus',
      security: BASIC,
      responses: { 200: { description: 'The metrics', content: { 'text/plain': { schema: TEXT } } }, ...COMMON_ERRORS },
    }),
    async (c) => {
      const { text, contentType } = await parts.metrics.render();
      return c.body(text, 200, { 'content-type': contentType }) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/openapi.json',
      tags: ['system'],
      summary: 'This description',
      responses: { 200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: ANY } } } },
    }),
    (c) => c.json(describeApi(app, parts.version, title) as never, 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/docs',
      tags: ['system'],
      summary: 'A page that shows this description',
      responses: { 200: { description: 'HTML', content: { 'text/html': { schema: TEXT } } } },
    }),
    (c) => c.html(DOCS_PAGE, 200, { 'content-security-policy': DOCS_POLICY }) as never,
  );
};

const describeApi = (app: OpenAPIHono<RequestEnvironment>, version: string, title: string): object =>
  app.getOpenAPI31Document({ openapi: '3.1.0', info: { title, version } });
