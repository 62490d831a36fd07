import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;

before(async () => {
  configs = await createConfigs();
  database = await (await getTestPostgres()).createDatabase();
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

const check = (config: string, ...more: readonly string[]) =>
  runManager(['archivestorage', '--db-connect', database.url, 'check', config, ...more]);

const leftovers = async (): Promise<unknown> =>
  (
    await database.query(
      `SELECT (SELECT count(*)::int FROM archive_metadata) AS rows, (SELECT count(*)::int FROM archive_document) AS db,
              (SELECT count(*)::int FROM object_storage) AS db2`,
    )
  )[0];

const NOTHING = { rows: 0, db: 0, db2: 0 };

test('the transcript of the guide, on a fresh database, and nothing left behind', async () => {
  const config = await configs.write('db.yaml', 'db');
  const { code, stderr, stdout } = await check(config);
  assert.deepEqual([code, stdout], [0, ''], stderr);
  const steps = stderr
    .split('\n')
    .filter((line) => line.includes('/check()]') || line.includes('/initialize()]'))
    .map((line) => line.replace(/^\[MainThread\] /, '').replaceAll(/\d+ ms/g, 'N ms'));
  const at = '[anchore_manager.cli.archivestorage/check()] [INFO]';
  const key = 'user_id = test, bucket = anchorecliconfigtest and archive_id = cliconfigtest';
  assert.deepEqual(steps, [
    `${at} Using config file ${config}`,
    '[anchore_engine.subsys.archive.operations/initialize()] [INFO] Archive initialization complete',
    `${at} Checking existence of test document with ${key}`,
    `${at} Creating test document with ${key}`,
    `${at} Checking document fetch`,
    `${at} Removing test object`,
    `${at} Tried on table public.archive_document in ${new URL(database.url).username}@${new URL(database.url).host}/${database.name}: ` +
      'write N ms, read N ms, compare N ms, list N ms, delete N ms',
    `${at} Archive config check completed successfully`,
  ]);
  assert.deepEqual(await leftovers(), NOTHING);
});

test('as JSON: one object on standard output', async () => {
  const { code, stdout } = await check(await configs.write('db2.yaml', 'db2'), '--json');
  assert.equal(code, 0);
  const result = JSON.parse(stdout) as { check: string; trials: { operation: string; ok: boolean; ms: number }[] };
  assert.equal(result.check, 'ok');
  assert.deepEqual(
    result.trials.map(({ operation, ok }) => [operation, ok]),
    ['write', 'read', 'compare', 'list', 'delete'].map((operation) => [operation, true]),
  );
});

test('a test document that an interrupted check has left is removed; one of another store is left alone', async () => {
  const row = (archiveId: string, scheme: string): string =>
    `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest, size)
     VALUES ('anchorecliconfigtest', '${archiveId}', 'test', '${archiveId}.json', '${scheme}://test/anchorecliconfigtest/${archiveId}', false, NULL, NULL)`;
  await database.query(row('cliconfigtest', 'db2'));
  const own = await check(await configs.write('db2.yaml', 'db2'));
  assert.equal(own.code, 0, own.stderr);
  assert.match(own.stderr, /An earlier check has left its test document db2:/);
  assert.deepEqual(await leftovers(), NOTHING);

  await database.query(row('cliconfigtest', 's3'));
  const other = await check(await configs.write('db2.yaml', 'db2'));
  assert.equal(other.code, 0, other.stderr);
  assert.match(other.stderr, /archive_id = cliconfigtest2/);
  assert.deepEqual(await leftovers(), { rows: 1, db: 0, db2: 0 });

  await database.query(row('cliconfigtest2', 's3'));
  const both = await check(await configs.write('db2.yaml', 'db2'));
  assert.equal(both.code, 3);
  assert.match(both.stderr, /code: {3}refused\.would-overwrite/);
  assert.deepEqual(await leftovers(), { rows: 2, db: 0, db2: 0 });
  await database.query('DELETE FROM archive_metadata');
});

test('a store that changes what it is given: exit 5, and nothing left behind', async () => {
  await database.query(`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.content := '\\x00'::bytea || NEW.content; RETURN NEW; END $$`);
  await database.query(
    'CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON object_storage FOR EACH ROW EXECUTE FUNCTION spoil()',
  );
  const { code, stderr } = await check(await configs.write('db2.yaml', 'db2'));
  await database.query('DROP TRIGGER spoil ON object_storage');
  assert.match(stderr, /code: {3}(check\.failed|store\.corrupt)/);
  assert.ok(code === 5 || code === 4, stderr);
  assert.deepEqual(await leftovers(), NOTHING);
});

test('an unset section for analyses is told, with exit 2', async () => {
  const { code, stderr } = await check(await configs.write('db.yaml', 'db'), '--analysis-archive');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /services\.catalog\.analysis_archive: expected the section of the separate analysis archive; got nothing/,
  );
});
