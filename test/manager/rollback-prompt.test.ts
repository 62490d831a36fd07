import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';
import { runTyping } from './typed-manager.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;
let from: string;
let to: string;

before(async () => {
  configs = await createConfigs();
  from = await configs.write('config.yaml', 'db');
  to = await configs.write('dest-config.yaml', 'db2');
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

const group = (): readonly string[] => ['archivestorage', '--db-connect', database.url];

const run = async (expectedCode: number, ...args: readonly string[]): Promise<void> => {
  const { code, stdout, stderr } = await runManager([...group(), ...args]);
  assert.equal(code, expectedCode, stdout + stderr);
};

/** What is shown before the question; '' where nothing was asked. */
const ask = async (
  typed: string,
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly shown: string; readonly before: string }> => {
  const { code, shown } = await runTyping(typed, [...group(), 'rollback', ...args]);
  const lines = shown.replaceAll('\r', '');
  return { code, shown: lines, before: lines.slice(0, Math.max(0, lines.indexOf('Performing this operation'))) };
};

const countUrls = async (scheme: string): Promise<number> => {
  const [row] = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM archive_metadata WHERE content_url LIKE '${scheme}://%'`,
  );
  return row?.count ?? -1;
};

test('one that has not been switched: no document goes back, and what was copied stays', async () => {
  await run(0, 'precopy', from, to);
  const { code, before } = await ask('n\n', '1');
  assert.equal(code, 3);
  assert.match(before, /^Ends +migration 1, which has not been switched: no document goes back$/m);
  assert.match(before, /^Works +\/.*\/config\.yaml, now and afterwards$/m);
  assert.match(before, /^Copied to +table public\.object_storage in[^]*\nCopies +what it has copied stays there;/m);
});

test('one that was switched: what goes back, from where to where, and which configuration works then', async () => {
  await run(0, 'migrate', from, to, '--dontask', '--nodelete');
  const { code, before, shown } = await ask('n\n', '1');
  assert.equal(code, 3, shown);
  assert.match(before, /^Undoes +migration 1, switched \d{4}-\d\d-\d\dT[\d:.]+Z$/m);
  assert.match(before, /^Goes back +500 documents, 18\.9 MiB$/m);
  assert.match(before, /^From +table public\.object_storage in/m);
  assert.match(before, /^Back to +table public\.archive_document in/m);
  assert.match(before, /^Works now +\/.*\/dest-config\.yaml$/m);
  assert.match(before, /^Afterwards +\/.*\/config\.yaml$/m);
  assert.match(before, /^Copies +what it has copied stays there; --delete-copies deletes it$/m);
  assert.equal(await countUrls('db2'), 500, 'nothing was done');
});

test('services that run, and another configuration, are told before anybody is asked', async () => {
  await database.query(
    `INSERT INTO services (hostid, servicename, heartbeat) VALUES ('node-1', 'catalog', extract(epoch FROM now())::integer)`,
  );
  const running = await ask('y\n', '1');
  await database.query('DELETE FROM services');
  assert.deepEqual([running.code, running.before], [3, '']);
  assert.match(running.shown, /code: {3}refused\.services-running/);
  const replaced = await ask('y\n', '1', '--from', to);
  assert.deepEqual([replaced.code, replaced.before], [3, '']);
  assert.match(replaced.shown, /code: {3}refused\.changed-store/);
});

test('with --delete-copies it says that they go, and y does it', async () => {
  const { code, before, shown } = await ask('y\n', '1', '--delete-copies');
  assert.equal(code, 0, shown);
  assert.match(before, /^Copies +what it has copied is DELETED there \(--delete-copies\)$/m);
  assert.equal(await countUrls('db'), 500);
  assert.deepEqual(await database.query('SELECT count(*)::int AS copies FROM object_storage'), [{ copies: 0 }]);
  assert.match((await ask('n\n', '1')).before, /^Undone +migration 1 is rolled back already/m);
});

test('what has been cleaned is refused before anybody is asked', async () => {
  await run(0, 'migrate', from, to, '--dontask');
  const { code, before, shown } = await ask('y\n', '3');
  assert.deepEqual([code, before], [3, '']);
  assert.match(shown, /has been cleaned, or cleaning has begun/);
});
