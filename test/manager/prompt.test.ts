import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';
import { runTyping } from './typed-manager.ts';

const QUESTION = 'Performing this operation requires *all* anchore-engine services to be stopped - proceed? (y/N)';

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

const migrate = (...more: readonly string[]): readonly string[] => [
  'archivestorage',
  '--db-connect',
  database.url,
  'migrate',
  from,
  to,
  ...more,
];

/** What a refusal must leave as it is. */
const state = async (): Promise<unknown> => {
  const counts = `SELECT (SELECT count(*)::int FROM archive_metadata WHERE content_url LIKE 'db://%') AS documents,
                         (SELECT count(*)::int FROM tasks) AS tasks,
                         (SELECT count(*)::int FROM object_storage) AS copies,
                         (SELECT count(*)::int FROM pg_tables WHERE tablename LIKE 'archive_mover%') AS own`;
  return (await database.query(counts))[0];
};

test('on a terminal: anything but y or yes, and an end of input, stop with exit 3 and nothing changed', async () => {
  const untouched = await state();
  for (const typed of ['n\n', '\n', 'yep\n', '']) {
    const { code, shown } = await runTyping(typed, migrate());
    assert.equal(code, 3, shown);
    assert.ok(shown.includes(QUESTION), shown);
    assert.match(shown, /Error: The question was not answered with y or yes, so nothing was done\./);
    assert.match(shown, /code: {3}refused\.by-person/);
    assert.deepEqual(await state(), untouched);
  }
});

test('without a terminal and without --dontask: exit 3, nothing asked, nothing changed', async () => {
  const untouched = await state();
  const { code, stderr, stdout } = await runManager(migrate());
  assert.equal(code, 3);
  assert.ok(!stderr.includes(QUESTION) && stdout === '');
  assert.match(stderr, /Error: There is no terminal on which to ask, so nothing was done\./);
  assert.deepEqual(await state(), untouched);
});

test('services that run are told before anybody is asked', async () => {
  await database.query(
    `INSERT INTO services (hostid, servicename, heartbeat) VALUES ('node-1', 'catalog', extract(epoch FROM now())::integer)`,
  );
  const { code, shown } = await runTyping('y\n', migrate());
  await database.query('DELETE FROM services');
  assert.equal(code, 3, shown);
  assert.match(shown, /code: {3}refused\.services-running/);
  assert.ok(!shown.includes(QUESTION), shown);
});

test('a destination that cannot be used is told before anybody is asked', async () => {
  const wrong = await configs.write(
    'wrong.yaml',
    's3',
    '{url: "http://127.0.0.1:1", bucket: b, access_key: a, secret_key: s}',
  );
  const { code, shown } = await runTyping('y\n', migrate().with(-1, wrong));
  assert.equal(code, 4, shown);
  assert.match(shown, /code: {3}store\.unreachable/);
  assert.ok(!shown.includes(QUESTION), shown);
});

test('on a terminal, y goes on: the whole migration, in the words of the guide', async () => {
  const { code, shown } = await runTyping('y\n', migrate());
  assert.equal(code, 0, shown);
  assert.match(shown, /\[anchore_manager\.cli\.archivestorage\/migrate\(\)\] \[INFO\] Loading configs/);
  const before = shown.slice(0, shown.indexOf(QUESTION));
  assert.match(before, /^Moves +500 documents, 18\.9 MiB\r?$/m);
  assert.match(before, /^From +table public\.archive_document in\r?\n/m);
  assert.match(before, /^To +table public\.object_storage in\r?\n/m);
  assert.match(before, /^Then +what has moved is DELETED from the source, once the switch is made\r?$/m);
  assert.match(shown, /Migration from config: \{\r?\n {2}"compression": \{/);
  assert.match(shown, /Initializing migration from \{'compression': \{'enabled': False, 'min_size_kbytes': 100\}/);
  assert.match(
    shown,
    /\[anchore_engine\.subsys\.archive\.migration\/initiate_migration\(\)\] \[INFO\] Migration Task Id: \d+/,
  );
  assert.match(
    shown,
    /Migration result summary: \{"last_state": "[a-z]+", "executor_id": "[^"]+", "archive_documents_migrated": 500, /,
  );
  assert.match(
    shown,
    /MUST have the following configuration options added before starting up again:\r?\ncompression:\r?\n {2}enabled: false/,
  );
  const [{ moved }] = (await database.query(
    `SELECT count(*)::int AS moved FROM archive_metadata WHERE content_url LIKE 'db2://%'`,
  )) as [{ moved: number }];
  assert.equal(moved, 500);
});
