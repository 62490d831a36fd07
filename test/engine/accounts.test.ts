import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_BUNDLE } from '../../src/engine/policies/default-bundle.ts';
import type { Engine } from '../../src/engine/start-engine.ts';
import { isAppError } from '../../src/core/errors.ts';
import { createPlace, type EnginePlace, PASSWORD, send, startIn, urlOf } from './engine-harness.ts';

describe('users of the database', () => {
  let place: EnginePlace;
  let engine: Engine;
  let url = '';
  before(async () => {
    place = await createPlace();
    engine = await startIn(await place.configure());
    url = urlOf(engine);
    await place.database.query(`
      INSERT INTO accounts (name, state, type, email) VALUES ('team', 'enabled', 'user', 't@x'), ('gone', 'disabled', 'user', NULL),
        ('anchore-system', 'enabled', 'service', NULL);
      INSERT INTO account_users (username, account_name, type, uuid) VALUES ('tina', 'team', 'native', '1'),
        ('gus', 'gone', 'native', '2'), ('anchore-system', 'anchore-system', 'internal', '3');
      INSERT INTO user_access_credentials (username, type, value) VALUES ('tina', 'password', 'plain: text'),
        ('gus', 'password', 'x-password'), ('anchore-system', 'password', 'system')`);
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  const tina = { user: 'tina', password: 'plain: text' };

  test('the first administrator is stored as an scrypt hash', async () => {
    const rows = await place.database.query<{ value: string }>(
      `SELECT value FROM user_access_credentials WHERE username = 'admin'`,
    );
    assert.match(rows[0]?.value ?? '', /^\$scrypt\$ln=15,r=8,p=3\$/);
    assert.equal((await send(url, 'GET', '/v1')).status, 200);
  });

  test('plain passwords, as the original keeps them, are taken too', async () => {
    const answer = await send(url, 'GET', '/v1/account', tina);
    assert.deepEqual(answer.json, { name: 'team', email: 't@x', type: 'user', state: 'enabled', created_at: null });
    assert.equal(((await send(url, 'GET', '/v1/user', tina)).json as { username: string }).username, 'tina');
  });

  test('everything else is 401, in the form of the original', async () => {
    for (const wrong of [
      { user: 'admin', password: 'foobar' },
      { user: 'nobody', password: PASSWORD },
      { user: 'gus', password: 'x-password' },
      { user: 'anchore-system', password: 'system' },
      { user: '', password: '' },
      { headers: { authorization: 'Bearer x' } },
      { headers: { authorization: 'Basic !!!' } },
    ]) {
      const answer = await send(url, 'GET', '/v1', wrong);
      assert.equal(answer.status, 401, JSON.stringify(wrong));
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic /);
      const { httpcode, message, detail } = answer.json as { httpcode: number; message: string; detail: object };
      assert.equal(httpcode, 401);
      assert.equal(typeof message, 'string');
      assert.ok(detail);
    }
  });

  test('accounts do not see each other; only an administrator acts for others', async () => {
    const put = await send(url, 'POST', '/v1/objects/b/secret', { body: '{"document": "of admin"}' });
    assert.equal(put.status, 200);
    for (const method of ['GET', 'DELETE'])
      assert.equal((await send(url, method, '/v1/objects/b/secret', tina)).status, 404);
    const as = (account: string) => ({ headers: { 'x-anchore-account': account } });
    assert.equal((await send(url, 'GET', '/v1/objects/b/secret', { ...tina, ...as('admin') })).status, 403);
    const forbidden = await send(url, 'GET', '/v1/accounts', tina);
    assert.equal(forbidden.status, 403);
    assert.match(forbidden.text, /"error_codes":\["request\.forbidden"\]/);
    assert.equal((await send(url, 'GET', '/v1/objects/b/secret', as('team'))).status, 404);
    assert.equal(
      (await send(url, 'POST', '/v1/objects/b/theirs', { ...as('team'), body: '{"document": 1}' })).status,
      200,
    );
    assert.equal((await send(url, 'GET', '/v1/objects/b/theirs', tina)).text, '{"document": 1}');
    assert.equal((await send(url, 'GET', '/v1/objects/b/theirs')).status, 404);
    assert.equal((await send(url, 'GET', '/v1', as('nobody'))).status, 404);
    // The administrator's policies are not theirs: an account that came after the start has the default one of its own.
    const policies = (await send(url, 'GET', '/v1/policies?detail=True', tina)).json as Record<string, unknown>[];
    assert.deepEqual(
      policies.map(({ userId, active, policybundle }) => ({ userId, active, policybundle })),
      [{ userId: 'team', active: true, policybundle: DEFAULT_BUNDLE }],
    );
  });

  test('a changed password and a disabled account take effect within seconds', async () => {
    const { setTimeout: sleep } = await import('node:timers/promises');
    assert.equal((await send(url, 'GET', '/v1', tina)).status, 200);
    await place.database.query(`UPDATE user_access_credentials SET value = 'another' WHERE username = 'tina'`);
    await sleep(2100);
    assert.equal((await send(url, 'GET', '/v1', tina)).status, 401);
    assert.equal((await send(url, 'GET', '/v1', { ...tina, password: 'another' })).status, 200);
    await place.database.query(`UPDATE accounts SET state = 'disabled' WHERE name = 'team'`);
    await sleep(2100);
    assert.equal((await send(url, 'GET', '/v1', { ...tina, password: 'another' })).status, 401);
  });

  test('after ten wrong passwords a user waits, and who has the right one in use does not', async () => {
    assert.equal((await send(url, 'GET', '/v1')).status, 200);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1)
      statuses.push((await send(url, 'GET', '/v1', { password: `wrong ${attempt}` })).status);
    assert.equal(statuses.at(-1), 429);
    assert.match((await send(url, 'GET', '/v1', { password: 'y' })).text, /request\.too-many/);
    assert.ok(statuses.includes(401));
    assert.ok(Number((await send(url, 'GET', '/v1', { password: 'x' })).headers.get('retry-after')) > 0);
    assert.equal((await send(url, 'GET', '/v1')).status, 200);
  });
});

test('users of the configuration, as up to 0.2.x', async () => {
  await using place = await createPlace();
  const file = await place.configure({ more: '' });
  const { readFile, writeFile } = await import('node:fs/promises');
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace(
      'credentials:\n',
      'credentials:\n  users: {admin: {password: one, email: a@b}, eve: {password: two}}\n',
    ),
  );
  await using engine = await startIn(file);
  const url = urlOf(engine);
  assert.equal((await send(url, 'GET', '/v1', { password: 'one' })).status, 200);
  assert.equal((await send(url, 'GET', '/v1', { user: 'eve', password: 'two' })).status, 200);
  assert.equal((await send(url, 'GET', '/v1', { user: 'eve', password: 'one' })).status, 401);
  const accounts = (await send(url, 'GET', '/v1/accounts', { password: 'one' })).json as { name: string }[];
  assert.deepEqual(
    accounts.map(({ name }) => name),
    ['admin', 'eve'],
  );
  const both = await send(url, 'GET', '/v1/policies', { user: 'eve', password: 'two' });
  assert.equal((both.json as object[]).length, 1);
});

test('without any password in the configuration a random one is written for its owner alone', async () => {
  await using place = await createPlace();
  const config = await place.configure({ more: '' });
  // Several at once agree about it, and each later start still says where it is.
  const engines = await Promise.all([startIn(config), startIn(config)]);
  const [first, second] = engines.map(({ password }) => password);
  assert.equal(first, second);
  for (const each of engines) await each.stop();
  await using engine = await startIn(config);
  assert.equal(engine.password, first);
  const { readFile, stat } = await import('node:fs/promises');
  const file = /^in the file (.*)$/.exec(engine.password)?.[1] ?? '';
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const password = (await readFile(file, 'utf8')).trim();
  assert.equal((await send(urlOf(engine), 'GET', '/v1', { password })).status, 200);
});

test('the default password is refused on an address that others can reach', async () => {
  await using place = await createPlace('fixture');
  const file = await place.configure({ more: '', listen: '0.0.0.0' });
  await assert.rejects(startIn(file), (error) => isAppError(error, 'refused.default-password'));
});
