import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { MigrationReport } from '../../src/manager/report/migration-report.ts';
import { type Finished, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startManager } from './running-manager.ts';
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

const place = (name: string): string => join(configs.folder, name);

const readReport = async (file: string): Promise<MigrationReport> =>
  JSON.parse(await readFile(file, 'utf8')) as MigrationReport;

/** A name that would be a tag in a page and clear the screen of a terminal. */
const HOSTILE = '<b onclick=1>\u001B[2J';

test('a migration whose documents failed: the summary, the page and the data name each reason and what to do', async () => {
  await database.query(
    `UPDATE archive_document SET jsondata = 'short' WHERE "archiveId" = (SELECT min("archiveId") FROM archive_document)`,
  );
  await database.query(
    `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest, size)
     VALUES ('analysis_data', $1::text, 'admin', 'x.json', 'db://admin/analysis_data/' || $1::text, false, md5('x'), 1)`,
    [HOSTILE],
  );
  const page = place('failed.html');
  const { stderr, stdout } = await run(1, 'migrate', from, to, '--dontask', '--report', page);
  assert.equal(stdout, '');
  const summary = stderr.slice(stderr.indexOf('\nMigration 1: '));
  assert.match(summary, /^\nMigration 1: documents failed\nfrom: .*\nto: .*\nmoved: +nothing yet; 499 documents, /);
  assert.match(summary, /^failed: +2\n/m);
  assert.match(summary, /^ {2}1 document\.wrong-size: The bytes at the source are longer or shorter .*\n {4}admin\//m);
  assert.match(summary, /^ {2}1 document\.missing: .*\n {4}admin\/analysis_data\/<b onclick=1>\\u\{1B\}\[2J: /m);
  assert.match(
    summary,
    /left to do:\n {2}1\. Correct why documents failed.*:\n {5}anchore-manager .* resume 1\n {2}2\. .*:\n {5}.* resume 1 --skip-failed\n/,
  );
  const html = await readFile(page, 'utf8');
  assert.match(html, /<h1>Migration 1: documents failed<\/h1>/);
  assert.match(html, /&lt;b onclick=1&gt;\\u\{1B\}\[2J/);
  assert.ok(!html.includes('<b onclick'));
});

test('a report without a migration to report, or with a name that says no form', async () => {
  const { stderr } = await run(2, 'migrate', from, to, '--dontask', '--report', place('report.pdf'));
  assert.match(stderr, /report\.pdf: a report ends in \.json or \.html/);
  assert.match((await run(2, 'report', '99')).stderr, /there is no migration 99/);
  await run(2, 'report', '1', '--output', place('none'));
  await run(2, 'report', '1', '--output', place('no-such-folder/report.json'));
  const refused = await run(3, 'migrate', from, to, '--dontask', '--bucket', 'x', '--report', place('refused.json'));
  assert.match(refused.stderr, /--report: no migration had begun|code: {3}refused/);
  assert.deepEqual((await readdir(configs.folder)).toSorted(), ['config.yaml', 'dest-config.yaml', 'failed.html']);
});

test('a switched one: what moved, how long, the switch, the runs, what is left; the same later from the journal', async () => {
  const file = place('switched.json');
  const { stderr, stdout } = await run(1, 'resume', '1', '--dontask', '--skip-failed', '--nodelete', '--report', file);
  assert.match(stdout, /^compression:\n/, 'standard output is what the guide prints, and nothing else');
  assert.match(stderr, /They stand under services\.catalog\.object_store\n/);
  assert.match(stderr, /\nMigration 1: documents failed\n/);
  assert.match(stderr, /^moved: +499 documents, [\d.]+ MiB\ntime: +[\d.]+ s of work in 2 runs\nrate: /m);
  assert.match(stderr, /^downtime: +[\d.]+ s for the switch;/m);
  assert.match(stderr, /1\. Put .*dest-config\.yaml in the place of .*config\.yaml/);
  assert.match(stderr, /delete them there:\n {5}anchore-manager archivestorage --db-connect "\$\{db\}" clean 1\n/);
  assert.match(stderr, /undo the migration:\n {5}anchore-manager archivestorage --db-connect "\$\{db\}" rollback 1\n/);
  const written = await readReport(file);
  assert.deepEqual(
    [written.movedDocuments, written.counts.failed, written.active, written.runs.map(({ command }) => command)],
    [499, 2, 'to', ['migrate', 'resume']],
  );
  assert.ok(written.movedBytes > 1e6 && written.work.documents === 499 && written.rate.length > 0);
  assert.ok(written.runs.every(({ outcome, endedAt }) => outcome === 'failed-documents' && endedAt !== null));
  for (const time of [written.startedAt, written.endedAt, written.switchedAt, written.runs[0]?.startedAt])
    assert.match(time ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const later = place('later.json');
  await run(0, 'report', '1', '--output', later);
  const { writtenAt: _, ...again } = await readReport(later);
  const { writtenAt: __, ...before } = written;
  assert.deepEqual(again, before);
  const { stdout: text } = await run(0, 'report', '1');
  assert.match(text, /^Migration 1: documents failed\n/);
  const shown = JSON.parse((await run(0, 'report', '1', '--json')).stdout) as MigrationReport;
  assert.deepEqual(shown.runs, written.runs);
});

test('a rollback is reported too, and what it undid says so', async () => {
  const file = place('rollback.json');
  const { stderr } = await run(0, 'rollback', '1', '--dontask', '--report', file);
  const written = await readReport(file);
  assert.deepEqual([written.kind, written.rollsBack, written.id], ['rollback', 1, 2]);
  assert.match(stderr, /\nRollback 2: source kept\n/);
  assert.match((await run(0, 'report', '1')).stdout, /^Migration 1: rolled back\n[^]*Nothing: it was rolled back/);
});

test('a run that a signal ends is reported as well', async () => {
  const own = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  const file = place('interrupted.json');
  try {
    const args = ['migrate', from, to, '--dontask', '--bandwidth', '200k', '--report', file];
    await using manager = startManager(['archivestorage', '--db-connect', own.url, ...args]);
    await manager.waitFor('began to copy', (line) => line['event'] === 'phase' && line['phase'] === 'copying');
    manager.child.kill('SIGINT');
    assert.equal(await manager.ended, 130, manager.stderr());
    const written = await readReport(file);
    assert.deepEqual(
      [written.condition, written.runs[0]?.outcome, written.active],
      ['interrupted', 'interrupted', 'from'],
    );
    assert.equal(written.leftToDo[0]?.command, 'anchore-manager archivestorage --db-connect "${db}" resume 1');
  } finally {
    await own.drop();
  }
});

test('--quiet says no summary', async () => {
  const { stderr } = await run(0, 'precopy', from, to, '--quiet', '--bucket', 'manifest_data');
  assert.equal(stderr, '');
});
