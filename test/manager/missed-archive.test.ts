import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { Plan } from '../../src/manager/plan/plan.ts';
import { type Finished, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';
import { runTyping } from './typed-manager.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;
let db: string;
let db2: string;
let folder: string;
let localfs: string;

before(async () => {
  configs = await createConfigs();
  db = await configs.write('config.yaml', 'db');
  db2 = await configs.write('dest-config.yaml', 'db2');
  folder = join(configs.folder, 'archive');
  localfs = await configs.write('localfs.yaml', 'localfs', `{archive_data_dir: ${folder}}`);
});

beforeEach(async () => {
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
});

after(() => configs[Symbol.asyncDispose]());

const run = (...args: readonly string[]): Promise<Finished> =>
  runManager(['archivestorage', '--db-connect', database.url, ...args]);

const plan = async (from: string, to: string): Promise<{ readonly code: number | null; readonly made: Plan }> => {
  const { code, stdout, stderr } = await run('plan', from, to, '--force', '--json');
  assert.ok(stdout.startsWith('{'), stderr);
  return { code, made: JSON.parse(stdout) as Plan };
};

const refusalOf = ({ problems }: Plan): Plan['problems'][number] | undefined => {
  const refusing = problems.filter(({ severity }) => severity === 'refuse');
  assert.ok(refusing.length <= 1, JSON.stringify(refusing));
  return refusing[0];
};

const countMigrations = async (): Promise<number> => {
  const [row] = await database.query<{ count: number }>('SELECT count(*)::int AS count FROM tasks');
  return row?.count ?? -1;
};

test('FROM and TO exchanged: plan refuses and says so; migrate says the same before it asks or begins anything', async () => {
  const { code, made } = await plan(db2, db);
  const told = refusalOf(made);
  assert.deepEqual([code, made.refused, told?.code], [3, true, 'refused.no-documents']);
  assert.match(
    told?.message ?? '',
    /^FROM, table public\.object_storage in .*, can read none of the archive's 500 documents: they are at db:\/\/, where TO reads them already$/,
  );
  assert.match(told?.remedy ?? '', /moved to TO before, nothing is left to do.*config\.yaml.*exchanged/);
  assert.match(made.next[0]?.command ?? '', / plan .*dest-config\.yaml .*config\.yaml --force$/);
  for (const options of [['--dontask'], [], ['--dry-run']]) {
    const { code: exit, stdout, stderr } = await run('migrate', db2, db, ...options);
    assert.equal(exit, 3, stderr);
    assert.match((stdout + stderr).replaceAll(/\s+/g, ' '), /can read none of the archive's 500 documents/);
  }
  const { code: typed, shown } = await runTyping('y\n', [
    'archivestorage',
    '--db-connect',
    database.url,
    'migrate',
    db2,
    db,
  ]);
  assert.equal(typed, 3);
  assert.ok(!shown.includes('proceed?'), shown);
  assert.equal(await countMigrations(), 0);
});

test('another configuration: where the documents are is told, and no store is created', async () => {
  await database.query(
    `UPDATE archive_metadata SET content_url = replace(content_url, 'db://', 's3://b/') WHERE bucket = 'query_data'`,
  );
  const { code, made } = await plan(db2, localfs);
  const told = refusalOf(made);
  assert.deepEqual([code, told?.code], [3, 'refused.no-documents']);
  assert.match(told?.message ?? '', /none of the archive's 500 documents: 416 at db:\/\/, 84 at s3:\/\/$/);
  assert.match(
    told?.remedy ?? '',
    /^Name as FROM the configuration in use, and check that postgres.* is its database\.$/,
  );
  for (const command of ['migrate', 'precopy']) {
    const { code: exit, stderr } = await run(
      command,
      db2,
      localfs,
      '--force',
      ...(command === 'migrate' ? ['--dontask'] : []),
    );
    assert.equal(exit, 3, stderr);
  }
  assert.ok(!existsSync(folder));
  assert.equal(await countMigrations(), 0);
});

test('an archive that a migration has brought to TO: nothing to do, exit 0', async () => {
  assert.equal((await run('migrate', db, db2, '--dontask')).code, 0);
  const { code, made } = await plan(db, db2);
  assert.deepEqual([code, refusalOf(made), made.arrivedWith], [0, undefined, 1]);
  assert.match(made.next[0]?.command ?? '', / verify .*dest-config\.yaml$/);
  const { stdout } = await run('plan', db, db2);
  assert.match(stdout, /^migrate would find nothing to do: migration 1 has brought the archive to TO\.$/m);
  assert.equal((await run('migrate', db, db2, '--dontask')).code, 0);
});

test('an archive without any document is no error', async () => {
  await database.query('DELETE FROM archive_metadata');
  const { code, made } = await plan(db, db2);
  assert.deepEqual([code, refusalOf(made), made.arrivedWith], [0, undefined, null]);
  assert.match(made.problems.map(({ message }) => message).join('\n'), /^the archive has no document at all$/m);
  assert.equal((await run('migrate', db, db2, '--dontask')).code, 0);
});
