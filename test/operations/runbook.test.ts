import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startFauxqs } from '../support/fauxqs.ts';
import { getTestPostgres } from '../support/postgres.ts';
import { REPOSITORY } from '../support/source-files.ts';
import { configOf, findBoxes, findOtherCommands, readRunbook } from './runbook.ts';

const execute = promisify(execFile);

const resources = new AsyncDisposableStack();
const onPage = new Set<string>();
const run = new Set<string>();
let folder: string;
let shortName: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-runbook-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const s3 = resources.use(await startFauxqs());
  const { url } = resources.use(await (await getTestPostgres()).createDatabase({ template: 'fixture' }));
  const s3Config = `{name: s3, config: {url: '${s3.url}', bucket: anchore-archive, create_bucket: true, access_key: a, secret_key: b}}`;
  await writeFile(join(folder, 'mover.url'), url);
  for (const name of ['config.yaml', 'config.old.yaml'])
    await writeFile(join(folder, name), configOf(url, '{name: db, config: {}}'));
  await writeFile(join(folder, 'dest-config.yaml'), configOf(url, s3Config));
  const page = await readRunbook();
  shortName = findBoxes(page, 'sh').find((box) => box.startsWith('mover()')) ?? assert.fail('mover is not explained');
  for (const command of findOtherCommands(page)) onPage.add(command);
});

after(() => resources.disposeAsync());

/** A command as the page has it, for the migration with this number. */
const fromPage = (command: string, id?: number): string => {
  assert.ok(onPage.has(command), `the runbook does not have: ${command}`);
  run.add(command);
  return command.replace(/\bID\b/, String(id));
};

const bash = async (...lines: readonly string[]): Promise<string> => {
  const script = ['set -euo pipefail', shortName, ...lines].join('\n');
  const { stdout, stderr } = await execute('bash', ['-c', script], {
    cwd: folder,
    env: { ...process.env, PATH: `${join(REPOSITORY, 'bin')}:${process.env['PATH']}` },
    timeout: 180_000,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: Error & { stderr?: string; stdout?: string }) => {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout + stderr;
};

/** So small batches that a limit of bytes holds a run for as long as nobody lifts it. */
const SMALL = `ANCHORE_MANAGER_TEST_HOOKS='{"settings": {"batchSize": 10, "chunkSize": 20, "batchesInFlight": 1}}'`;

test('a run is held, let go on, limited and watched while it goes on', async () => {
  const shown = await bash(
    `${SMALL} mover precopy config.yaml dest-config.yaml --bandwidth 200k & migrating=$!`,
    'until mover show-migration 1 >shown 2>&1 && grep -q copying shown; do kill -0 $migrating; sleep 0.3; done',
    `${fromPage('mover watch')} >watched 2>&1 & watching=$!`,
    fromPage('mover pause ID', 1),
    fromPage('mover resume ID', 1),
    fromPage('mover limit ID --bandwidth 10M', 1),
    'wait $migrating',
    'wait $watching',
  );
  assert.match(shown, /Migration 1 goes on/);
  assert.match(shown, /Migration 1 goes by it: 10\.0 MiB\/s/);
});

test('a migration that was killed goes on by its number, and says what works now', async () => {
  const killed = `ANCHORE_MANAGER_TEST_HOOKS='{"kill": {"point": "switch.before-commit"}}'`;
  const shown = await bash(
    `${killed} mover migrate config.yaml dest-config.yaml --dontask || test $? = 137`,
    fromPage('mover show-migration ID', 1),
    `${fromPage('mover resume ID', 1)} --dontask`,
    fromPage('mover show-migration ID --failed', 1),
  );
  assert.match(shown, /Migration 1: complete/);
});

test('the table gives back its room, and after cleaning the way back is a migration', async () => {
  const shown = await bash(
    `${fromPage('mover clean ID --reclaim', 1)} --dontask`,
    `${fromPage('mover migrate dest-config.yaml config.old.yaml')} --dontask`,
  );
  assert.match(shown, /Reclaimed: /);
  assert.match(shown, /Migration 2: complete/);
});

test('what is not switched is given up, and its copies are removed', async () => {
  const shown = await bash(
    'mover precopy config.yaml dest-config.yaml',
    `${fromPage('mover rollback ID --delete-copies', 3)} --dontask`,
  );
  assert.match(shown, /Migration 3: /);
});

test('the runbook has no command beside these that no test runs', () => {
  assert.deepEqual(
    [...onPage].filter((command) => !run.has(command)),
    [],
  );
});
