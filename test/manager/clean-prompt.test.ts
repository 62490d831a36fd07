import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';
import { runTyping } from './typed-manager.ts';

const QUESTION = 'This deletes them for good and requires *all* anchore-engine services to be stopped - proceed? (y/N)';

let configs: TemporaryConfigs;
let database: TestDatabase;

/** A migration of 500 documents whose source is kept. */
before(async () => {
  configs = await createConfigs();
  const from = await configs.write('config.yaml', 'db');
  const to = await configs.write('dest-config.yaml', 'db2');
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  const { code, stderr } = await runManager(manager('migrate', from, to, '--nodelete', '--dontask'));
  assert.equal(code, 0, stderr);
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

const manager = (...more: readonly string[]): readonly string[] => [
  'archivestorage',
  '--db-connect',
  database.url,
  ...more,
];

/** What a refusal must leave as it is. */
const state = async (): Promise<unknown> => {
  const rows = await database.query(
    `SELECT (SELECT count(*)::int FROM archive_document) AS documents, m.phase, m.epoch::int AS epoch, t.state::text AS task
       FROM archive_mover_migration m JOIN tasks t ON t.id = m.id`,
  );
  return rows[0];
};

test('on a terminal: anything but y or yes, and an end of input, stop with exit 3 and nothing changed', async () => {
  const untouched = await state();
  for (const typed of ['n\n', '\n', 'yep\n', '']) {
    const { code, shown } = await runTyping(typed, manager('clean', '1'));
    assert.equal(code, 3, shown);
    assert.ok(shown.includes(QUESTION), shown);
    assert.match(shown, /code: {3}refused\.by-person/);
    assert.deepEqual(await state(), untouched);
  }
});

test('without a terminal and without --dontask: exit 3, nothing asked, nothing changed', async () => {
  const untouched = await state();
  const { code, stderr, stdout } = await runManager(manager('clean', '1'));
  assert.equal(code, 3, stderr);
  assert.ok(!stderr.includes(QUESTION) && stdout === '');
  assert.match(stderr, /There is no terminal on which to ask, so nothing was done/);
  assert.deepEqual(await state(), untouched);
});

test('services that run are told before anybody is asked', async () => {
  await database.query(
    `INSERT INTO services (hostid, servicename, heartbeat) VALUES ('node-1', 'catalog', extract(epoch FROM now())::integer)`,
  );
  const { code, shown } = await runTyping('y\n', manager('clean', '1'));
  await database.query('DELETE FROM services');
  assert.equal(code, 3, shown);
  assert.match(shown, /code: {3}refused\.services-running/);
  assert.ok(!shown.includes(QUESTION), shown);
});

test('what is to be deleted is shown; y deletes it; then nothing is left to be asked about', async () => {
  const { code, shown } = await runTyping('y\n', manager('clean', '1'));
  assert.equal(code, 0, shown);
  const before = shown.slice(0, shown.indexOf(QUESTION));
  assert.match(before, /^Migration +1, switched at \d{4}-\d\d-\d\d/m);
  assert.match(before, /^DELETES +500 documents, 18\.9 MiB\r?$/m);
  assert.match(before, /^From +table public\.archive_document in\r?\n/m);
  assert.match(before, /^Then +there is no rollback any more/m);
  assert.deepEqual(await state(), { documents: 0, phase: 'cleaned', epoch: 2, task: 'complete' });
  const again = await runManager(manager('clean', '1'));
  assert.equal(again.code, 0, again.stderr);
});
