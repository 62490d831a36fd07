import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
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

interface Finding {
  readonly kind: string;
  readonly subject: string;
  readonly text: string;
  readonly known: boolean;
}

const manage = async (expectedCode: number, ...args: readonly string[]) => {
  const finished = await runManager(['archivestorage', '--db-connect', database.url, ...args]);
  assert.equal(finished.code, expectedCode, `${args.join(' ')}\n${finished.stdout}${finished.stderr}`);
  return finished;
};

/** What `verify --json` prints: a finding a line, and the summary as the last. */
const verify = async (expectedCode: number, ...args: readonly string[]) => {
  const { stdout } = await manage(expectedCode, '--json', 'verify', ...args);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const summary = lines.at(-1) ?? {};
  return { findings: lines.flatMap(({ finding }) => (finding === undefined ? [] : [finding as Finding])), summary };
};

const pick = async (bucket: string, place: number): Promise<{ readonly id: string; readonly where: string }> => {
  const [row] = await database.query<{ id: string }>(
    `SELECT "archiveId" AS id FROM archive_metadata WHERE bucket = '${bucket}' ORDER BY 1 OFFSET ${place} LIMIT 1`,
  );
  assert.ok(row);
  return { id: `admin/${bucket}/${row.id}`, where: `bucket = '${bucket}' AND "archiveId" = '${row.id}'` };
};

/** One archive, to which one thing after another happens. */
test('an archive that is in order: exit 0, no finding', async () => {
  const { findings, summary } = await verify(0, from);
  assert.deepEqual([findings, summary['good'], summary['documents'], summary['read']], [[], true, 500, 500]);
});

test('a sample reads about so many', async () => {
  const { summary } = await verify(0, from, '--sample', '10');
  assert.deepEqual([summary['documents'], summary['read']], [500, 10]);
});

test('missing and wrong documents, and an orphan: exit 5, a line for each, and the summary', async () => {
  const [missing, wrong, orphan] = [
    await pick('analysis_data', 0),
    await pick('analysis_data', 1),
    await pick('analysis_data', 2),
  ];
  await database.query(`DELETE FROM archive_document WHERE ${missing.where}`);
  await database.query(`UPDATE archive_document SET jsondata = 'short' WHERE ${wrong.where}`);
  await database.query(`DELETE FROM archive_metadata WHERE ${orphan.where}`);
  const { findings, summary } = await verify(5, from);
  assert.deepEqual(findings.map(({ kind, subject, known }) => `${kind} ${subject} ${known}`).toSorted(), [
    `missing ${missing.id} false`,
    `orphan db://${orphan.id} false`,
    `wrong ${wrong.id} false`,
  ]);
  const { good, wrong: count, known, orphans } = summary;
  assert.deepEqual([good, count, known, orphans], [false, 2, 0, 1]);
  const { stdout } = await manage(5, 'verify', from);
  assert.match(stdout, new RegExp(`^missing: ${missing.id}: `, 'm'));
  assert.match(stdout, /^orphan: .*delete it with the store's own tools$/m);
  assert.match(stdout, /^NOT in order: 499 documents, 498 read \(\d+ bytes\), 2 wrong, 0 known exceptions, 1 objects/m);
});

test('what a migration has listed is known where it went, and what --bucket has left must be right where it stayed', async () => {
  await manage(1, 'migrate', from, to, '--dontask', '--bucket', 'policy_bundles', '--nodelete');
  const there = await verify(0, to);
  assert.ok(there.findings.length > 400 && there.findings.every(({ kind, known }) => kind === 'elsewhere' && known));
  assert.equal(there.summary['known'], there.findings.length);
  const left = await verify(5, from);
  assert.deepEqual(
    left.findings.filter(({ kind, known }) => (kind === 'missing' || kind === 'wrong') && !known).length,
    2,
  );
  const [kept] = left.summary['keptFor'] as readonly { readonly as: string; readonly text: string }[];
  assert.equal(kept?.as, 'source');
  const { stdout } = await manage(5, 'verify', from);
  assert.match(stdout, /^Kept: \d+ objects: the source of migration 1: rollback 1 needs them, clean 1 deletes them$/m);
});

test('a configuration that reads none of the archive', async () => {
  const folder = join(configs.folder, 'other');
  await mkdir(folder);
  const other = await configs.write('other.yaml', 'localfs', `{archive_data_dir: ${folder}}`);
  const { findings, summary } = await verify(5, other);
  assert.deepEqual([findings.length, summary['wrong'], summary['read']], [499, 499, 0]);
});
