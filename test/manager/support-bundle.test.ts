import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type S3Server, startFauxqs } from '../support/fauxqs.ts';
import { type Finished, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

const run = promisify(execFile);

/** Not to be found in anything that the commands write. One stands in the environment; one has characters that are quoted in URLs, JSON and HTML. */
const SECRETS = { database: 'marked-db-"&<%', s3: 'marked-s3-secret/+=' } as const;

let configs: TemporaryConfigs;
let database: TestDatabase;
let s3: S3Server;
let from: string;
let to: string;
const role = `marked_${randomBytes(4).toString('hex')}`;
const everything: string[] = [];

before(async () => {
  configs = await createConfigs();
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  s3 = await startFauxqs();
  await s3.createBucket('archive');
  await database.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD '${SECRETS.database}'`);
  const url = new URL(database.url);
  url.username = role;
  url.password = encodeURIComponent(SECRETS.database);
  const section = (storage: string): string =>
    `services:\n  catalog:\n    archive:\n      storage_driver: ${storage}\n` +
    `credentials:\n  database: {db_connect: '${url.href}', db_connect_args: {}}\n`;
  from = join(configs.folder, 'config.yaml');
  to = join(configs.folder, 'dest-config.yaml');
  await writeFile(from, section('{name: db, config: {}}'));
  const options = `{bucket: archive, url: '${s3.url}', access_key: AKIAEXAMPLE, secret_key: '\${MARKED}'}`;
  await writeFile(to, section(`{name: s3, config: ${options}}`));
});

after(async () => {
  await s3[Symbol.asyncDispose]();
  await database.drop();
  const cluster = await (await getTestPostgres()).createDatabase();
  await cluster.query(`DROP ROLE ${role}`);
  await cluster.drop();
  await configs[Symbol.asyncDispose]();
});

const manage = async (expectedCode: number, ...args: readonly string[]): Promise<Finished> => {
  const finished = await runManager(['--debug', 'archivestorage', '--configfile', from, ...args], {
    MARKED: SECRETS.s3,
  });
  everything.push(finished.stdout, finished.stderr);
  assert.equal(finished.code, expectedCode, `${args.join(' ')}\n${finished.stdout}${finished.stderr}`);
  return finished;
};

/** Unpacked by the tar that everybody has. */
const unpack = async (file: string): Promise<ReadonlyMap<string, string>> => {
  await run('tar', ['-xzf', file, '-C', configs.folder]);
  const folder = join(configs.folder, 'anchore-migration-1');
  const names = await readdir(folder);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)),
  );
};

test('a bundle holds what a question needs, says what it is, and is for its owner alone', async () => {
  await database.query(
    `UPDATE archive_document SET jsondata = 'short' WHERE "archiveId" = (SELECT min("archiveId") FROM archive_document)`,
  );
  const page = join(configs.folder, 'report.html');
  const data = join(configs.folder, 'report.json');
  await manage(1, 'migrate', from, to, '--dontask', '--report', page);
  await manage(0, 'report', '1', '--output', data);
  everything.push(await readFile(page, 'utf8'), await readFile(data, 'utf8'));
  const file = join(configs.folder, 'bundle.tar.gz');
  const { stdout } = await manage(0, 'support-bundle', '1', '--output', file);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.match(stdout, /Look at it before you send it/);
  const files = await unpack(file);
  everything.push(...files.values());
  for (const name of files.keys()) assert.match(stdout, new RegExp(`^ {2}${name.replace('.', '\\.')} `, 'm'));
  assert.deepEqual([...files.keys()].toSorted(), [
    'README.txt',
    'documents.txt',
    'from.yaml',
    'journal.json',
    'migrations.json',
    'plan.json',
    'report.html',
    'report.json',
    'server.json',
    'to.yaml',
    'versions.json',
  ]);
  assert.match(files.get('to.yaml') ?? '', /services\.catalog\.archive\n[^]*secret_key: '\*\*\*\*'/);
  assert.match(files.get('documents.txt') ?? '', /^failed, tried \d+ times: admin\/.*: document\.wrong-size: /);
  assert.match(files.get('server.json') ?? '', /"name": "fsync"/);
  assert.match(files.get('journal.json') ?? '', /"command": "migrate"/);
  assert.match(files.get('versions.json') ?? '', /"node": "v\d+/);
});

test('a configuration that has gone is said, and the rest is there', async () => {
  const file = join(configs.folder, 'again.tar.gz');
  const elsewhere = join(configs.folder, 'elsewhere.yaml');
  await manage(0, 'support-bundle', '1', '--output', file, '--to', elsewhere);
  const files = await unpack(file);
  assert.match(files.get('to.yaml') ?? '', /^# config\.unreadable: .*elsewhere\.yaml/);
  assert.match(files.get('from.yaml') ?? '', /name: db\n/);
  await manage(2, 'support-bundle', '1', '--output', join(configs.folder, 'no-folder/b.tar.gz'));
  await manage(2, 'support-bundle', '9');
});

test('no secret is in a report, a bundle, a log or the journal', async () => {
  const tables = ['migration', 'document', 'run', 'sample', 'control', 'current_store', 'worker'];
  for (const table of tables) {
    const rows = await database.query<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM archive_mover_${table} t`);
    everything.push(...rows.map(({ row }) => row));
  }
  const text = everything.join('\n');
  assert.ok(text.includes('****') && text.length > 10_000);
  for (const secret of Object.values(SECRETS)) {
    const forms = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      secret.replace('&', '&amp;'),
    ];
    for (const form of forms)
      assert.ok(!text.includes(form), `${form} in ${text.slice(text.indexOf(form) - 200).slice(0, 400)}`);
  }
});
