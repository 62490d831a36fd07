import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Finished, runManager } from '../support/manager.ts';
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

const run = async (expectedCode: number, ...args: readonly string[]): Promise<Finished> => {
  const finished = await runManager(['archivestorage', '--db-connect', database.url, ...args]);
  assert.equal(finished.code, expectedCode, `${args.join(' ')}\n${finished.stdout}${finished.stderr}`);
  return finished;
};

const countOf = async (table: string): Promise<number> => {
  const rows = await database.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`);
  return rows[0]?.count ?? -1;
};

/** The results that a command printed, one a line; events of the run apart. */
const objectsOf = ({ stdout }: Finished): readonly Record<string, unknown>[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((object) => !('event' in object));

/** Ends what an earlier step may have begun, so that the journal is no longer needed. */
const endUnfinished = async (): Promise<void> => {
  const rows = await database.query<{ id: number }>(`SELECT id FROM archive_mover_migration WHERE phase = 'copying'`);
  for (const { id } of rows) await run(0, 'rollback', String(id), '--dontask');
};

/** One archive on its way through every command, in the order in which an operator uses them. */
test('precopy copies and changes nothing; the migration then rests', async () => {
  const { stdout, stderr } = await run(0, 'precopy', from, to);
  assert.equal(stdout, '');
  assert.match(stderr, /Migrating 500 documents/);
  assert.doesNotMatch(stderr, /MUST have/);
  assert.equal(await countOf('object_storage'), 500);
  assert.match((await run(0, 'list-migrations')).stdout, /\n1 +pending .* db +db2 +0 +500 .* precopied *$/m);
});

test('migrate --nodelete takes it up, switches, and keeps the source', async () => {
  const { stdout, stderr } = await run(0, 'migrate', from, to, '--dontask', '--nodelete');
  assert.match(stderr, /Resuming migration 1/);
  assert.equal(
    stdout,
    'compression:\n  enabled: false\n  min_size_kbytes: 100\nstorage_driver:\n  config: {}\n  name: db2\n',
  );
  assert.equal(await countOf('archive_document'), 500);
  const shown = (await run(0, 'show-migration', '1')).stdout;
  assert.match(shown, /^state: +complete \(source kept\)$/m);
  assert.match(shown, /^works now: +the destination's \(.*dest-config\.yaml\)$/m);
  assert.match(shown, /^ {2}switched: +500$/m);
});

test('verify reads everything through the configuration that works, and says so of the other', async () => {
  assert.match((await run(0, 'verify', to)).stdout, /^Verified: 500 documents, 500 read/m);
  const [summary] = objectsOf(await run(5, '--json', 'verify', from, '--sample', '3')).slice(-1);
  assert.equal(summary?.['good'], false);
});

test('rollback brings it back without copying, --delete-copies removes ours', async () => {
  await run(3, 'rollback', '1');
  await run(0, 'rollback', '1', '--dontask', '--delete-copies');
  assert.equal(await countOf('object_storage'), 0);
  await run(0, 'verify', from);
  assert.match((await run(0, 'list-migrations')).stdout, /^1 +complete .* rolled back *$/m);
  await run(0, 'rollback', '1', '--dontask'); // it is done already, and says so
});

test('a failed document: exit 1, named with its reason, nothing switched; resume and retry go on from there', async () => {
  const broken = `("archiveId", "userId", bucket) = (SELECT "archiveId", "userId", bucket FROM archive_document WHERE bucket = 'policy_bundles' ORDER BY 1 LIMIT 1)`;
  const [before] = await database.query<{ archiveId: string; jsondata: string }>(
    `SELECT "archiveId", jsondata FROM archive_document WHERE ${broken}`,
  );
  assert.ok(before);
  await database.query(`UPDATE archive_document SET jsondata = 'short' WHERE ${broken}`);
  const failed = await run(1, 'migrate', from, to, '--dontask', '--json');
  assert.match(failed.stderr, new RegExp(`Failed: .*policy_bundles/${before.archiveId}: document\\.wrong-size: `));
  assert.match(failed.stderr, /Nothing was switched/);
  const [result] = objectsOf(failed);
  assert.deepEqual([result?.['outcome'], result?.['exit'], result?.['configuration']], ['failed-documents', 1, null]);
  const id = String(result?.['id']);
  assert.match(
    (await run(0, 'show-migration', id, '--failed')).stdout,
    new RegExp(`^admin/policy_bundles/${before.archiveId}: document\\.wrong-size`, 'm'),
  );

  await run(1, 'resume', id, '--dontask', '--skip-failed');
  assert.equal(await countOf('archive_document'), 1, 'the failed one stays at the source');
  assert.match((await run(1, 'retry', id, '--dontask')).stderr, /document\.wrong-size/);

  await database.query('UPDATE archive_document SET jsondata = $1', [before.jsondata]);
  await run(0, 'retry', id, '--dontask');
  assert.equal(await countOf('archive_document'), 0);
  await run(0, 'verify', to);
});

test('clean of a migration that was kept', async () => {
  const [kept] = objectsOf(await run(0, 'migrate', to, from, '--dontask', '--nodelete', '--json'));
  assert.equal(await countOf('object_storage'), 500);
  await run(0, 'clean', String(kept?.['id']), '--dontask');
  assert.equal(await countOf('object_storage'), 0);
  await run(0, 'verify', from);
});

test('what cleaning could not delete is told until it is gone', async () => {
  const [kept] = objectsOf(await run(0, 'migrate', from, to, '--dontask', '--nodelete', '--json'));
  const id = String(kept?.['id']);
  const changed = `"documentName" = (SELECT min("documentName") FROM archive_document)`;
  await database.query(`UPDATE archive_document SET jsondata = 'by somebody else' WHERE ${changed}`);
  await run(1, 'clean', id, '--dontask');
  const { stdout } = await run(0, 'show-migration', id);
  assert.match(
    stdout,
    /^left at the source \(what tries again: anchore-manager .* clean \d+\):\n {2}db:\/\/.*no longer holds/m,
  );
  await run(1, 'clean', id, '--dontask');
  await database.query(`DELETE FROM archive_document WHERE jsondata = 'by somebody else'`);
  await run(0, 'clean', id, '--dontask');
  assert.doesNotMatch((await run(0, 'show-migration', id)).stdout, /left at the source/);
  await run(0, 'migrate', to, from, '--dontask');
});

test('FROM that none of the documents is at is refused; an archive that has arrived is nothing to do', async () => {
  const other = await configs.write('other.yaml', 'localfs', `{archive_data_dir: ${join(configs.folder, 'other')}}`);
  const { stderr } = await run(3, 'migrate', to, other, '--dontask');
  assert.match(stderr, /code: {3}refused\.no-documents/);
  assert.doesNotMatch(stderr, /works now|MUST have the following/);
  const again = await run(0, 'migrate', to, from, '--dontask');
  assert.match(again.stderr, /config\.yaml is the configuration that works already/);
  assert.match(again.stderr, /^Migration \d+: nothing moved$/m);
});

test('a bucket that leaves others behind, and one that matches nothing', async () => {
  const { stderr } = await run(1, 'migrate', from, to, '--dontask', '--bucket', 'policy_bundles');
  assert.match(stderr, /skipped\.not-selected/);
  const refused = await run(3, 'migrate', from, to, '--dontask', '--bucket', 'nonesuch');
  assert.match(refused.stderr, /code: {3}refused\.no-documents/);
});

test('the analysis archive moves into the ordinary section, and a resume by id finds both sections again', async () => {
  await endUnfinished();
  const both = join(configs.folder, 'both.yaml');
  await writeFile(
    both,
    `services:\n  catalog:\n    object_store: {storage_driver: {name: db2}}\n    analysis_archive: {storage_driver: {name: db}}\n`,
  );
  const key = `'analysis_archive', 'a1', 'admin', 'a1.json'`;
  await database.query(
    `INSERT INTO archive_document (bucket, "archiveId", "userId", "documentName", jsondata, b64_encoded) VALUES (${key}, '{}', false)`,
  );
  await database.query(
    `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest, size)
     VALUES (${key}, 'db://admin/analysis_archive/a1', false, md5('{}'), 2)`,
  );
  const archives = ['--from-analysis-archive'];
  const [copied] = objectsOf(await run(0, 'precopy', both, both, ...archives, '--json'));
  await run(0, 'resume', String(copied?.['id']), '--dontask');
  const rows = await database.query(
    `SELECT content_url AS url FROM archive_metadata WHERE bucket = 'analysis_archive'`,
  );
  assert.deepEqual(rows, [{ url: 'db2://admin/analysis_archive/a1' }]);
});

test("remove-tables asks first, and leaves what is Anchore's", async () => {
  await run(3, 'remove-tables');
  await endUnfinished();
  // Documents outside of --bucket stayed behind, above.
  assert.match((await run(3, 'remove-tables', '--dontask')).stderr, /code: {3}refused\.journal-needed/);
  await run(0, 'remove-tables', '--dontask', '--force');
  const own = await database.query(`SELECT tablename FROM pg_tables WHERE tablename LIKE 'archive_mover%'`);
  assert.deepEqual(own, []);
  assert.match((await run(0, 'remove-tables')).stdout, /nothing to remove/);
  const [listed] = objectsOf(await run(0, 'list-migrations', '--json'));
  assert.ok(Array.isArray(listed?.['migrations']) && listed['migrations'].length >= 4);
});
