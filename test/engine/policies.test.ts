import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_BUNDLE } from '../../src/engine/policies/default-bundle.ts';
import type { Engine } from '../../src/engine/start-engine.ts';
import { createPlace, type EnginePlace, send, type Sent, startIn, urlOf } from './engine-harness.ts';

interface Record {
  readonly policyId: string;
  readonly active: boolean;
  readonly policy_source: string;
  readonly created_at: string;
  readonly last_updated: string;
  readonly policybundle?: unknown;
}

const listOf = (answer: Sent): readonly Record[] => answer.json as readonly Record[];
const messageOf = (answer: Sent): string => (answer.json as { message: string }).message;

describe('policies', () => {
  const nested = (depth: number): string =>
    JSON.stringify(DEFAULT_BUNDLE).replace('{', () => `{"more":${'['.repeat(depth)}${']'.repeat(depth)},`);

  let place: EnginePlace;
  let engine: Engine;
  let url = '';
  before(async () => {
    place = await createPlace();
    engine = await startIn(await place.configure());
    url = urlOf(engine);
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });
  const bundle = (id: string): object => ({ ...DEFAULT_BUNDLE, id, name: `bundle ${id}` });
  const activeOnes = async (): Promise<string[]> =>
    listOf(await send(url, 'GET', '/v1/policies'))
      .filter(({ active }) => active)
      .map(({ policyId }) => policyId);

  test('a bundle that nests too deep to be written again is refused', async () => {
    const answer = await send(url, 'POST', '/v1/policies', { body: nested(100_000) });
    assert.equal(answer.status, 400, answer.text);
    assert.match(messageOf(answer), /at most 1000 brackets/);
  });

  test('a new archive has the default bundle, active', async () => {
    const [only, ...others] = listOf(await send(url, 'GET', '/v1/policies?detail=False'));
    assert.deepEqual(others, []);
    assert.equal(only?.policyId, '2c53a13c-1765-11e8-82ef-23527761d060');
    assert.equal(only?.active, true);
    assert.match(only?.created_at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(only?.policybundle, undefined);
    const got = listOf(await send(url, 'GET', `/v1/policies/${only?.policyId}?detail=True`));
    assert.deepEqual(got[0]?.policybundle, DEFAULT_BUNDLE);
  });

  test('is added, activated as the client does it, and deleted', async () => {
    const added = (await send(url, 'POST', '/v1/policies?detail=True', { body: JSON.stringify(bundle('one')) })).json;
    assert.equal((added as Record).policyId, 'one');
    assert.equal((added as Record).active, false);
    assert.equal((added as Record).policy_source, 'local');
    const [record] = listOf(await send(url, 'GET', '/v1/policies/one?detail=True'));
    const put = await send(url, 'PUT', '/v1/policies/one', { body: JSON.stringify({ ...record, active: true }) });
    assert.equal(put.status, 200);
    assert.deepEqual(await activeOnes(), ['one']);
    assert.equal((await send(url, 'DELETE', '/v1/policies/one')).status, 409);
    await send(url, 'PUT', `/v1/policies/${DEFAULT_BUNDLE.id}`, { body: '{"active": true}' });
    assert.equal((await send(url, 'DELETE', '/v1/policies/one')).status, 200);
    assert.equal((await send(url, 'GET', '/v1/policies/one')).status, 404);
    assert.equal((await send(url, 'GET', '/v1/objects/policy_bundles/one')).status, 404);
  });

  test('exactly one is active, however many are activated at once', async () => {
    const ids = ['a', 'b', 'c', 'd'];
    for (const id of ids) await send(url, 'POST', '/v1/policies', { body: JSON.stringify(bundle(id)) });
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(
        ids.map((id) => send(url, 'PUT', `/v1/policies/${id}`, { body: '{"active": true}' })),
      );
      assert.ok(answers.every(({ status }) => status === 200));
      assert.equal((await activeOnes()).length, 1);
    }
    const active = (await activeOnes())[0] ?? '';
    assert.equal((await send(url, 'PUT', `/v1/policies/${active}`, { body: '{"active": false}' })).status, 409);
  });

  test('an error names its place', async () => {
    const wrong = structuredClone(DEFAULT_BUNDLE) as unknown as {
      policies: { rules: { action: string }[] }[];
      mappings: { policy_id: string }[];
    };
    const [rule] = wrong.policies[0]?.rules ?? [];
    if (rule) rule.action = 'MAYBE';
    const answer = await send(url, 'POST', '/v1/policies', { body: JSON.stringify(wrong) });
    assert.equal(answer.status, 400);
    assert.match(messageOf(answer), /policies\[0\]\.rules\[0\]\.action: expected one of STOP, WARN, GO; got "MAYBE"/);
    const dangling = structuredClone(DEFAULT_BUNDLE) as unknown as { mappings: { policy_id: string }[] };
    const [mapping] = dangling.mappings;
    if (mapping) mapping.policy_id = 'nowhere';
    const second = await send(url, 'POST', '/v1/policies', { body: JSON.stringify(dangling) });
    assert.match(messageOf(second), /mappings\[0\]\.policy_id: expected the id of a policy; got "nowhere"/);
    assert.match(messageOf(await send(url, 'POST', '/v1/policies', { body: '[' })), /not JSON/);
    assert.equal((await send(url, 'PUT', '/v1/policies/none', { body: '{"active": true}' })).status, 404);
  });

  test('bundles do not change behind the back of their rows', async () => {
    assert.equal((await send(url, 'DELETE', `/v1/objects/policy_bundles/${DEFAULT_BUNDLE.id}`)).status, 409);
    assert.equal((await send(url, 'POST', '/v1/objects/policy_bundles/x', { body: '{"document": 1}' })).status, 409);
  });
});

test('the policies of an archive of Anchore Engine 1.1.0 are read, and written so that it reads them', async () => {
  await using place = await createPlace('fixture');
  await using engine = await startIn(await place.configure({ more: '' }));
  const url = urlOf(engine);
  const as = { password: 'foobar' };
  const records = listOf(await send(url, 'GET', '/v1/policies?detail=True', as));
  assert.ok(records.length > 1);
  for (const { policyId, policybundle } of records)
    assert.equal((policybundle as { readonly id: string }).id, policyId);
  assert.equal((await send(url, 'POST', '/v1/policies', { ...as, body: JSON.stringify(DEFAULT_BUNDLE) })).status, 200);
  await send(url, 'PUT', `/v1/policies/${DEFAULT_BUNDLE.id}`, { ...as, body: '{"active": true}' });
  const active = listOf(await send(url, 'GET', '/v1/policies', as)).filter((record) => record.active);
  assert.deepEqual(
    active.map(({ policyId }) => policyId),
    [DEFAULT_BUNDLE.id],
  );
  const [row] = await place.database.query<{ jsondata: string }>(
    `SELECT jsondata FROM archive_document WHERE bucket = 'policy_bundles' AND "archiveId" = $1`,
    [DEFAULT_BUNDLE.id],
  );
  assert.deepEqual(JSON.parse(row?.jsondata ?? ''), { document: DEFAULT_BUNDLE });
});
