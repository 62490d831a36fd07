import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../core/errors.ts';
import type { Account } from '../auth/account-store.ts';
import type { RequestEnvironment, ServiceParts } from './request-environment.ts';
import { accountSchema, BASIC, COMMON_ERRORS, systemSchema, toTime, userSchema } from './schemas.ts';

type SystemState = z.infer<typeof systemSchema>['service_states'][number];

const toRecord = (account: Account): z.infer<typeof accountSchema> => ({
  name: account.name,
  email: account.email,
  type: account.type,
  state: account.state,
  created_at: toTime(account.createdAt),
});

/**
 * Services of the original that have no counterpart here. Its client waits (`system wait`) until each is up, so each that no
 * other machine runs is told of: there is nothing to wait for, and a person reads why.
 */
const ABSENT_SERVICES = ['policy_engine', 'simplequeue', 'analyzer'] as const;

const describeAbsent = (servicename: string, version: string, dbVersion: string): SystemState => ({
  servicename,
  hostid: '-',
  base_url: null,
  status: false,
  status_message: 'not part of this system',
  service_detail: { up: true, version, db_version: dbVersion },
});

/** Who one is, whom there is, and which services run. */
export const addAccountRoutes = (app: OpenAPIHono<RequestEnvironment>, parts: ServiceParts): void => {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1',
      tags: ['system'],
      summary: 'Whether the API is there, and the user may use it',
      security: BASIC,
      responses: {
        200: { description: 'The version of the API', content: { 'application/json': { schema: z.literal('v1') } } },
        ...COMMON_ERRORS,
      },
    }),
    (c) => c.json('v1' as const, 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/account',
      tags: ['accounts'],
      summary: 'The account of the request',
      security: BASIC,
      responses: {
        200: { description: 'The account', content: { 'application/json': { schema: accountSchema } } },
        ...COMMON_ERRORS,
      },
    }),
    (c) => c.json(toRecord(c.get('caller').account), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/user',
      tags: ['accounts'],
      summary: 'The user of the request',
      security: BASIC,
      responses: {
        200: { description: 'The user', content: { 'application/json': { schema: userSchema } } },
        ...COMMON_ERRORS,
      },
    }),
    (c) => {
      const { user } = c.get('caller');
      const { name, type, account, createdAt } = user;
      return c.json({ username: name, type, account: account.name, created_at: toTime(createdAt) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/accounts',
      tags: ['accounts'],
      summary: 'All accounts, for an administrator',
      security: BASIC,
      responses: {
        200: { description: 'The accounts', content: { 'application/json': { schema: z.array(accountSchema) } } },
        ...COMMON_ERRORS,
      },
    }),
    async (c) => {
      if (!c.get('caller').isAdmin) throw new AppError('request.forbidden', 'only an administrator may list accounts');
      return c.json((await parts.directory.listAccounts()).map(toRecord), 200);
    },
  );
  addSystemRoute(app, parts);
};

const addSystemRoute = (app: OpenAPIHono<RequestEnvironment>, parts: ServiceParts): void => {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/system',
      tags: ['system'],
      summary: 'Which services run, on other machines too',
      security: BASIC,
      responses: {
        200: { description: 'The services', content: { 'application/json': { schema: systemSchema } } },
        ...COMMON_ERRORS,
      },
    }),
    async (c) => {
      const services = await parts.listServices();
      const states: SystemState[] = services.map((service) => ({
        servicename: service.servicename,
        hostid: service.hostid,
        base_url: service.baseUrl,
        status: service.up,
        status_message: service.statusMessage,
        service_detail: {
          up: service.up,
          version: service.version ?? parts.version,
          db_version: parts.dbVersion,
        },
      }));
      const absent = ABSENT_SERVICES.filter((name) => !services.some(({ servicename }) => servicename === name));
      states.push(...absent.map((name) => describeAbsent(name, parts.version, parts.dbVersion)));
      return c.json({ service_states: states }, 200);
    },
  );
};
