import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { JOURNAL_MIGRATIONS } from '../../src/migration/journal-schema.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

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

const run = async (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> =>
  (await runManager(['archivestorage', '--db-connect', database.url, ...args], environment)).stdout;

interface Listed {
  readonly id: number;
  readonly state: string;
  readonly condition: string;
  readonly startedAt: string;
  readonly lastUpdated: string;
}

const list = async (): Promise<readonly Listed[]> =>
  (JSON.parse(await run(['list-migrations', '--json'])) as { migrations: Listed[] }).migrations;

/** State and condition of the newest migration, which the table and show-migration tell alike. */
const newest = async (): Promise<readonly [state: string, condition: string]> => {
  const { id, state, condition } = (await list()).at(-1) ?? assert.fail('no migration');
  assert.match(await run(['list-migrations']), new RegExp(`^${id} +${state} .*  ${condition} *$`, 'm'));
  const shown = await run(['show-migration', String(id)]);
  assert.match(shown, new RegExp(`^${id} +${state} .*  ${condition} *$`, 'm'));
  assert.match(shown, new RegExp(`^state: +${state === condition ? state : `${state} \\(${condition}\\)`}$`, 'm'));
  return [state, condition];
};

test('each condition is told, whatever word Anchore has for it; times bear their zone', async () => {
  const killed = { ANCHORE_MANAGER_TEST_HOOKS: JSON.stringify({ kill: { point: 'switch.before-commit' } }) };
  await run(['migrate', from, to, '--dontask'], killed);
  assert.deepEqual(await newest(), ['interrupted', 'interrupted']);
  await run(['rollback', '1', '--dontask']);
  assert.deepEqual((await newest())[1], 'given up');
  await run(['precopy', from, to]);
  assert.deepEqual(await newest(), ['pending', 'precopied']);

  const id = (await list()).at(-1)?.id ?? 0;
  const holder = await database.connect();
  await holder.query('SELECT pg_advisory_lock(2, 1)');
  await database.query(`UPDATE tasks SET state = 'running' WHERE id = $1`, [id]);
  await database.query('UPDATE archive_mover_migration SET pause = NULL WHERE id = $1', [id]);
  await database.query('UPDATE archive_mover_run SET ended_at = NULL WHERE migration_id = $1', [id]);
  assert.deepEqual(await newest(), ['running', 'running']);
  await database.query(`UPDATE archive_mover_run SET hold = 'paused' WHERE migration_id = $1`, [id]);
  assert.deepEqual(await newest(), ['running', 'paused']);
  await holder.end();
  assert.deepEqual(await newest(), ['interrupted', 'interrupted']);

  await run(['migrate', from, to, '--dontask', '--nodelete']);
  assert.deepEqual(await newest(), ['complete', 'source kept']);
  await run(['clean', String(id), '--dontask']);
  const told = await run(['show-migration', String(id)]);
  assert.match(told, /^run +began +ended +how +copied +retries +failed *\nprecopy +\S+Z +\S+Z +killed +500 +0 +0 *$/m);
  assert.match(told, /^clean +\S+Z +\S+Z +complete +0 /m);
  assert.deepEqual(await newest(), ['complete', 'complete']);
  for (const { startedAt, lastUpdated } of await list())
    for (const time of [startedAt, lastUpdated]) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/);
});

test('the journal of an earlier version is told, and brought up to date by who asks for one migration', async () => {
  const old = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  const look = async (...args: readonly string[]): Promise<string> =>
    (await runManager(['archivestorage', '--db-connect', old.url, ...args])).stdout;
  try {
    await old.query(
      'CREATE TABLE archive_mover_schema (version integer PRIMARY KEY, applied_at timestamptz DEFAULT now())',
    );
    await old.query('INSERT INTO archive_mover_schema VALUES (1)');
    await old.query(JOURNAL_MIGRATIONS[0] ?? '');
    await old.query(
      `INSERT INTO tasks (id, state, last_state, started_at, ended_at, type) VALUES (1, 'complete', 'running', now(), now(), 'archivemigrationtask')`,
    );
    await old.query(
      `INSERT INTO archive_migration_tasks (id, migrate_from_driver, migrate_to_driver, archive_documents_to_migrate,
         archive_documents_migrated) VALUES (1, 'db', 'db2', 0, 0)`,
    );
    await old.query(
      `INSERT INTO archive_mover_migration (id, kind, phase, from_driver, from_fingerprint, from_namespace, from_description,
         from_config, from_codec, to_driver, to_fingerprint, to_namespace, to_description, to_config, to_codec, scope,
         identical_urls, destination_was_empty, keep_source, move, tool_version, switched_at, finished_at)
       VALUES (1, 'migrate', 'cleaned', 'db', 'a', 'a', 'old source', '/a.yaml', '{}', 'db2', 'b', 'b', 'old destination',
               '/b.yaml', '{}', '{}', false, true, false, false, '0.0.1', now(), now())`,
    );
    assert.match(await look('list-migrations'), /^1 +complete .* complete *$/m);
    assert.match(await look('show-migration', '1'), /^from: +old source$/m);
    assert.match(
      await look('report', '1'),
      /^Migration 1: complete\n[^]*^time: +not known: its runs were not recorded\n/m,
    );
    await old.query('UPDATE archive_mover_schema SET version = version + 1000');
    const { code, stderr } = await runManager(['archivestorage', '--db-connect', old.url, 'show-migration', '1']);
    assert.equal(code, 3);
    assert.match(stderr, /code: {3}refused\.newer-journal/);
  } finally {
    await old.drop();
  }
});
