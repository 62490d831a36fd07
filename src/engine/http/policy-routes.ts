import { type OpenAPIHono, createRoute, z } from '@hono/zod-openapi';
import { AppError } from '../../core/errors.ts';
import { MAX_BUNDLE_BYTES, type Policy } from '../policies/policies.ts';
import { readJson } from './read-body.ts';
import type { RequestEnvironment, ServiceParts } from './request-environment.ts';
import { BASIC, COMMON_ERRORS, CONFLICT, policySchema, queryFlag, TOO_LARGE, toTime } from './schemas.ts';

const BUNDLE: { type: 'object' } = { type: 'object' };

const query = z.object({ detail: queryFlag });
const params = z.object({ policyId: z.string().openapi({ param: { name: 'policyId', in: 'path' } }) });
const listContent = { 'application/json': { schema: z.array(policySchema) } };
const PATH = '/v1/policies/{policyId}';

const toRecord = ({ row, bundle }: Policy): z.infer<typeof policySchema> => ({
  policyId: row.policyId,
  active: row.active,
  userId: row.userId,
  policy_source: row.policySource,
  created_at: toTime(row.createdAt),
  last_updated: toTime(row.lastUpdated),
  ...(bundle !== undefined && { policybundle: bundle }),
});

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An account's policies. */
export const addPolicyRoutes = (app: OpenAPIHono<RequestEnvironment>, { policies, memory }: ServiceParts): void => {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/policies',
      tags: ['policies'],
      summary: 'All policies',
      security: BASIC,
      request: { query },
      responses: { 200: { description: 'The policies', content: listContent }, ...COMMON_ERRORS },
    }),
    async (c) => {
      const { detail } = c.req.valid('query');
      const found = await policies.list(c.get('caller').account.name, detail, c.get('signal'));
      return c.json(found.map(toRecord), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      tags: ['policies'],
      summary: 'One policy, in a list',
      security: BASIC,
      request: { params, query },
      responses: { 200: { description: 'The policy', content: listContent }, ...COMMON_ERRORS },
    }),
    async (c) => {
      const { policyId } = c.req.valid('param');
      const { detail } = c.req.valid('query');
      const found = await policies.get(c.get('caller').account.name, policyId, detail, c.get('signal'));
      return c.json([toRecord(found)], 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/policies',
      tags: ['policies'],
      summary: 'Adds a bundle, or replaces the one with its id',
      security: BASIC,
      request: { query, body: { required: true, content: { 'application/json': { schema: BUNDLE } } } },
      responses: {
        200: { description: 'The policy', content: { 'application/json': { schema: policySchema } } },
        ...COMMON_ERRORS,
        ...TOO_LARGE,
      },
    }),
    async (c) => {
      const { detail } = c.req.valid('query');
      const account = c.get('caller').account.name;
      const { value } = await readJson(c, MAX_BUNDLE_BYTES, memory);
      const policyId = await policies.save(account, value, c.get('signal'));
      return c.json(toRecord(await policies.get(account, policyId, detail, c.get('signal'))), 200);
    },
  );
  addUpdateRoute(app, policies, memory);
  app.openapi(
    createRoute({
      method: 'delete',
      path: PATH,
      tags: ['policies'],
      summary: 'Deletes a policy that is not the active one',
      security: BASIC,
      request: { params },
      responses: {
        200: { description: 'Deleted', content: { 'application/json': { schema: z.boolean() } } },
        ...COMMON_ERRORS,
        ...CONFLICT,
      },
    }),
    async (c) => {
      await policies.delete(c.get('caller').account.name, c.req.valid('param').policyId, c.get('signal'));
      return c.json(true, 200);
    },
  );
};

const addUpdateRoute = (
  app: OpenAPIHono<RequestEnvironment>,
  policies: ServiceParts['policies'],
  memory: ServiceParts['memory'],
): void => {
  app.openapi(
    createRoute({
      method: 'put',
      path: PATH,
      tags: ['policies'],
      summary: 'Changes a policy: its bundle, and with active: true which one is the active one',
      security: BASIC,
      request: { params, query, body: { required: true, content: { 'application/json': { schema: BUNDLE } } } },
      responses: {
        200: { description: 'The policy', content: listContent },
        ...COMMON_ERRORS,
        ...CONFLICT,
        ...TOO_LARGE,
      },
    }),
    async (c) => {
      const { policyId } = c.req.valid('param');
      const { detail } = c.req.valid('query');
      const account = c.get('caller').account.name;
      const signal = c.get('signal');
      const { value } = await readJson(c, MAX_BUNDLE_BYTES, memory);
      if (!isObject(value)) throw new AppError('request.invalid', 'expected a policy, as a GET of it gives one');
      const { policyId: named = policyId, active, policybundle } = value;
      const before = await policies.get(account, policyId, false, signal);
      if (named !== policyId) throw new AppError('request.invalid', `policyId: expected ${policyId}, as in the URL`);
      if (active === false && before.row.active)
        throw new AppError('request.conflict', `policy ${policyId} is the active one: activate another instead`);
      if (policybundle !== undefined && policybundle !== null) {
        if (!isObject(policybundle) || policybundle['id'] !== policyId)
          throw new AppError('request.invalid', `policybundle.id: expected ${policyId}, as in the URL`);
        await policies.save(account, policybundle, signal);
      }
      if (active === true) await policies.activate(account, policyId);
      return c.json([toRecord(await policies.get(account, policyId, detail, signal))], 200);
    },
  );
};
