import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
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
  await database.query(`UPDATE archive_document SET jsondata = 'short' WHERE bucket = 'policy_bundles'`);
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

const run = async (...args: readonly string[]): Promise<Finished> =>
  runManager(['archivestorage', '--db-connect', database.url, ...args], { ANCHORE_SECRET_OF_THE_TEST: 'x' });

const inFolder = (name: string): string => join(configs.folder, name);
const readLines = async (name: string): Promise<readonly string[]> =>
  (await readFile(inFolder(name), 'utf8')).trimEnd().split('\n');

test('--on-finish gets the result, and nothing of the environment that could be secret', async () => {
  const { code } = await run(
    'migrate',
    from,
    to,
    '--dontask',
    '--on-finish',
    `env > '${inFolder('finished')}'; exit 3`,
  );
  assert.equal(code, 1, 'its own failure changes nothing');
  const lines = await readLines('finished');
  const given = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
  assert.equal(given['ANCHORE_MIGRATION_ID'], '1');
  assert.equal(given['ANCHORE_MIGRATION_COMMAND'], 'migrate');
  assert.equal(given['ANCHORE_MIGRATION_OUTCOME'], 'failed-documents');
  assert.equal(given['ANCHORE_MIGRATION_EXIT'], '1');
  assert.equal(given['ANCHORE_MIGRATION_PLANNED'], '500');
  assert.ok(Number(given['ANCHORE_MIGRATION_FAILED']) > 0);
  assert.equal(
    Number(given['ANCHORE_MIGRATION_COPIED']) + Number(given['ANCHORE_MIGRATION_FAILED']),
    Number(given['ANCHORE_MIGRATION_PLANNED']),
  );
  const others = Object.keys(given).filter(
    (name) =>
      !/^(?:ANCHORE_MIGRATION_|PATH$|HOME$|LANG|LC_|USER$|PWD$|SHLVL$|_$|OLDPWD$|LOGNAME$|SHELL$|TZ$|TMPDIR$|HOSTNAME$)/.test(
        name,
      ),
  );
  assert.deepEqual(others, []);
});

test('--on-finish runs too where nothing began, and its failure is said', async () => {
  const { code, stderr } = await run(
    'resume',
    '99',
    '--on-finish',
    'echo "$ANCHORE_MIGRATION_OUTCOME $ANCHORE_MIGRATION_EXIT"; exit 9',
  );
  assert.equal(code, 2);
  const lines = stderr.split('\n');
  const error = lines.findIndex((line) => line.startsWith('Error: '));
  const said = lines.findIndex((line) => line.includes('--on-finish: not-begun 2'));
  assert.ok(error >= 0 && said > error, 'the error is not kept back until it has ended');
  assert.match(stderr, /The command of --on-finish ended with exit code 9/);
});

test('--quiet says errors and results alone', async () => {
  const failed = await run('--quiet', 'migrate', from, to, '--dontask');
  assert.equal(failed.code, 1);
  assert.doesNotMatch(failed.stderr, /\[INFO\]|\[WARN\]/);
  const listed = await run('list-migrations', '--quiet');
  assert.equal(listed.stderr, '');
  assert.match(listed.stdout, /^id /);
  const json = await run('--quiet', '--json', 'migrate', from, to, '--dontask');
  assert.ok(json.stdout.split('\n').every((line) => !line.includes('"event"')));
});

test('--log-file has every line with its time, the screen keeps warnings and errors; it is appended to', async () => {
  const args = ['--log-file', inFolder('log'), 'migrate', from, to, '--dontask'];
  const first = await run(...args);
  assert.doesNotMatch(first.stderr, /\[INFO\]/);
  assert.match(first.stderr, /\[ERROR\] Failed: /);
  const before = await readLines('log');
  for (const line of before.filter((each) => each.includes('[MainThread]')))
    assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[MainThread\]/);
  assert.ok(before.some((line) => line.includes('[INFO] Migrating')));
  assert.ok(before.some((line) => line.includes('[ERROR] Failed: ')));
  assert.ok(!before.some((line) => line.includes('[DEBUG]')));
  await run('--debug', '--quiet', ...args, '--json');
  const after = await readLines('log');
  assert.deepEqual(after.slice(0, before.length), before);
  await run('check', inFolder('none.yaml'), '--log-file', inFolder('log'));
  assert.match((await readLines('log')).join('\n'), /Z Error: .*none\.yaml/);
});

test('a log file that cannot be written refuses', async () => {
  const { code, stderr } = await run('list-migrations', '--log-file', inFolder('no/such/folder'));
  assert.equal(code, 2);
  assert.match(stderr, /--log-file .* cannot be written/);
});
