import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { DEFAULT_BUNDLE } from '../../src/engine/policies/default-bundle.ts';
import type { Engine } from '../../src/engine/start-engine.ts';
import { createPlace, type EnginePlace, type RequestOptions, send, startIn, urlOf } from './engine-harness.ts';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>>;
  readonly security?: readonly object[];
}
interface Api {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

interface Example extends RequestOptions {
  readonly method: string;
  /** As the description has it. */
  readonly path: string;
  /** What is sent instead of the path's parameters. */
  readonly sent?: string;
  readonly status: number;
}

const bundle = JSON.stringify({ ...DEFAULT_BUNDLE, id: 'mine' });
const POLICY = '/v1/policies/{policyId}';
const RAW = '/v1/objects/raw/{bucket}/{archiveid}';

const documentExamples = (path: string, prefix: string): Example[] => [
  { method: 'post', path, sent: `${prefix}/b/x`, status: 200, body: '{"document": {"a": 1}}' },
  { method: 'post', path, sent: `${prefix}/b/x`, status: 400, body: '{}' },
  { method: 'post', path, sent: `${prefix}/policy_bundles/x`, status: 409, body: '{"document": 1}' },
  { method: 'get', path, sent: `${prefix}/b/x`, status: 200 },
  { method: 'get', path, sent: `${prefix}/b/none`, status: 404 },
  { method: 'get', path, sent: `${prefix}/b/x`, status: 401, password: 'wrong' },
  { method: 'delete', path, sent: `${prefix}/b/x`, status: 200 },
  { method: 'delete', path, sent: `${prefix}/b/x`, status: 404 },
];

/** At least one for every operation; in this order. */
const EXAMPLES: readonly Example[] = [
  { method: 'get', path: '/v1', status: 200 },
  { method: 'get', path: '/v1', sent: '/v1/', status: 200 },
  { method: 'get', path: '/v1', status: 401, password: 'wrong' },
  { method: 'get', path: '/health', status: 200, password: 'not needed' },
  { method: 'get', path: '/version', status: 200, password: 'not needed' },
  { method: 'get', path: '/metrics', status: 200 },
  { method: 'get', path: '/v1/openapi.json', status: 200 },
  { method: 'get', path: '/v1/docs', status: 200 },
  { method: 'get', path: '/v1/system', status: 200 },
  { method: 'get', path: '/v1/system', sent: '/v1//system', status: 200 },
  { method: 'get', path: '/v1/account', status: 200 },
  { method: 'get', path: '/v1/user', status: 200 },
  { method: 'get', path: '/v1/accounts', status: 200 },
  { method: 'post', path: '/v1/policies', sent: '/v1/policies?detail=True', status: 200, body: bundle },
  { method: 'post', path: '/v1/policies', status: 400, body: '{"id": "x"}' },
  { method: 'get', path: '/v1/policies', sent: '/v1/policies?detail=False', status: 200 },
  { method: 'get', path: POLICY, sent: '/v1/policies/mine?detail=True', status: 200 },
  { method: 'get', path: POLICY, sent: '/v1/policies/none', status: 404 },
  { method: 'put', path: POLICY, sent: '/v1/policies/mine', status: 200, body: '{"active": true}' },
  { method: 'put', path: POLICY, sent: '/v1/policies/mine', status: 409, body: '{"active": false}' },
  { method: 'delete', path: POLICY, sent: '/v1/policies/mine', status: 409 },
  { method: 'put', path: POLICY, sent: `/v1/policies/${DEFAULT_BUNDLE.id}`, status: 200, body: '{"active": true}' },
  { method: 'delete', path: POLICY, sent: '/v1/policies/mine', status: 200 },
  { method: 'get', path: '/v1/objects', sent: '/v1/objects?limit=1', status: 200 },
  { method: 'get', path: '/v1/objects', sent: '/v1/objects?after=nonsense', status: 400 },
  { method: 'get', path: '/v1/objects', sent: '/v1/objects?limit=0', status: 400 },
  ...documentExamples('/v1/objects/{bucket}/{archiveid}', '/v1/objects'),
  ...documentExamples('/v1/archive/{bucket}/{archiveid}', '/v1/archive'),
  { method: 'post', path: RAW, sent: '/v1/objects/raw/b/x', status: 200, body: 'bytes' },
  { method: 'get', path: RAW, sent: '/v1/objects/raw/b/x', status: 200 },
  { method: 'get', path: '/v1/objects/{bucket}/{archiveid}', sent: '/v1/objects/b/x', status: 409 },
  { method: 'delete', path: RAW, sent: '/v1/objects/raw/b/x', status: 200 },
];

/** Every object that the description names has the keys that it names, and no others. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in copy && !('document' in (copy['properties'] as object))
    ? { ...copy, additionalProperties: false }
    : copy;
};

describe('the API is what it says it is', () => {
  let place: EnginePlace;
  let engine: Engine;
  let url = '';
  let api: Api;
  before(async () => {
    place = await createPlace();
    engine = await startIn(await place.configure());
    url = urlOf(engine);
    api = (await send(url, 'GET', '/v1/openapi.json')).json as Api;
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  const validatorOf = (schema: object) => {
    const definitions = JSON.parse(
      JSON.stringify({ ...(closed(schema) as object), $defs: closed(api.components.schemas) }).replaceAll(
        '#/components/schemas/',
        '#/$defs/',
      ),
    ) as Parameters<typeof z.fromJSONSchema>[0];
    return z.fromJSONSchema(definitions);
  };

  test('every operation that is described has an example, and every example is described', () => {
    const described = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    assert.match(api.openapi, /^3\.1/);
    assert.deepEqual(
      [...new Set(EXAMPLES.map(({ method, path }) => `${method} ${path}`))].toSorted(),
      described.toSorted(),
    );
  });

  test('every answer has a status, a type and a body that are described', async () => {
    for (const { method, path, sent = path, status, ...options } of EXAMPLES) {
      const what = `${method} ${sent} ${status}`;
      const answer = await send(url, method.toUpperCase(), sent, options);
      assert.equal(answer.status, status, `${what}: ${answer.text}`);
      const described = api.paths[path]?.[method]?.responses[String(status)];
      assert.ok(described, `${what} is not described`);
      const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
      const content = described.content?.[type];
      assert.ok(content, `${what}: ${type} is not described`);
      if (type !== 'application/json') continue;
      const result = validatorOf(content.schema).safeParse(answer.json);
      assert.ok(result.success, `${what}: ${answer.text}: ${result.error?.message}`);
      assert.match(answer.headers.get('x-request-id') ?? '', /^[\w.-]+$/);
      if (status >= 400) assert.equal((answer.json as { httpcode: number }).httpcode, status);
    }
  });

  test('what is not public asks for a user', async () => {
    for (const [path, methods] of Object.entries(api.paths))
      for (const [method, operation] of Object.entries(methods)) {
        const answer = await fetch(url + path.replaceAll(/[{}]/g, ''), { method: method.toUpperCase() });
        await answer.arrayBuffer();
        assert.equal(answer.status === 401, operation.security !== undefined, `${method} ${path}: ${answer.status}`);
      }
  });

  test('the catalog has the documents and its own state, and nothing else', async () => {
    const catalog = urlOf(engine, 'catalog');
    const paths = Object.keys(((await send(catalog, 'GET', '/v1/openapi.json')).json as Api).paths);
    assert.ok(paths.includes(RAW) && paths.includes('/health'));
    assert.ok(!paths.some((path) => path.startsWith('/v1/policies')));
    assert.equal((await send(catalog, 'GET', '/v1/policies')).status, 404);
  });

  test('the page needs nothing from elsewhere', async () => {
    const page = await send(url, 'GET', '/v1/docs');
    assert.doesNotMatch(page.text, /https?:\/\//);
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  });

  test('metrics count requests by route, not by path', async () => {
    await send(url, 'GET', '/v1/objects/some/unlikely-name');
    const { text } = await send(url, 'GET', '/metrics');
    assert.match(text, /anchore_http_request_duration_seconds_count\{[^}]*route="\/v1\/objects\/:bucket\/:archiveid"/);
    assert.doesNotMatch(text, /unlikely-name/);
  });

  test('the services are in /v1/system, those of other machines too', async () => {
    await place.database.query(
      `INSERT INTO services (hostid, servicename, status, status_message, heartbeat, version)
       VALUES ('far', 'analyzer', true, 'available', extract(epoch FROM now())::int, '1.1.0'), ('dead', 'catalog', true, 'available', 1, '1.1.0')`,
    );
    const { service_states: states } = (await send(url, 'GET', '/v1/system')).json as {
      service_states: { servicename: string; hostid: string; status: boolean; service_detail: { up: boolean } }[];
    };
    const up = (host: string, name: string): boolean | undefined =>
      states.find(({ hostid, servicename }) => hostid === host && servicename === name)?.service_detail.up;
    assert.equal(up('far', 'analyzer'), true);
    assert.equal(up('dead', 'catalog'), false);
    assert.equal(up('host-one', 'apiext'), true);
    assert.equal(up('host-one', 'catalog'), true);
    // What the original's client waits for, and is not part of this system, keeps nobody waiting.
    assert.deepEqual(
      states.filter(({ hostid }) => hostid === '-').map(({ servicename, status }) => [servicename, status]),
      [
        ['policy_engine', false],
        ['simplequeue', false],
      ],
    );
    assert.equal(up('-', 'simplequeue'), true);
  });
});

test('a clean stop takes the services out of the table', async () => {
  await using place = await createPlace();
  const engine = await startIn(await place.configure());
  assert.equal((await place.database.query('SELECT * FROM services')).length, 2);
  await engine.stop();
  assert.deepEqual(await place.database.query('SELECT * FROM services'), []);
});
