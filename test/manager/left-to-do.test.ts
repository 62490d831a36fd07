import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { MigrationReport } from '../../src/manager/report/migration-report.ts';
import { type Finished, MANAGER, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;
let from: string;
let to: string;
let urlFile: string;

before(async () => {
  configs = await createConfigs();
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  from = await configs.write('config.yaml', 'db');
  to = await configs.write('dest-config.yaml', 'db2');
  urlFile = join(configs.folder, "the database's url");
  await writeFile(urlFile, `${database.url}\n`);
  await appendFile(from, `credentials:\n  database: {db_connect: '${database.url}', db_connect_args: {}}\n`);
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

/** A run that must succeed; what is said of the password would be a leak. */
const run = async (
  environment: Readonly<Record<string, string>>,
  group: readonly string[],
  ...args: readonly string[]
): Promise<Finished> => {
  const finished = await runManager(['archivestorage', ...group, ...args], environment);
  assert.equal(finished.code, 0, `${args.join(' ')}\n${finished.stdout}${finished.stderr}`);
  assert.ok(!`${finished.stdout}${finished.stderr}`.includes(new URL(database.url).password));
  return finished;
};

/** The whole command line of the summary that has this word. */
const commandWith = ({ stderr }: Finished, word: string): string => {
  const summary = stderr.slice(stderr.indexOf('left to do:'));
  const found = summary
    .split('\n')
    .find((line) => line.startsWith('     anchore-manager ') && line.includes(` ${word} `));
  assert.ok(found !== undefined, summary);
  return found.trim();
};

/** Pastes it into a shell, as the person who has just read it would. */
const paste = (command: string, environment: Readonly<Record<string, string>> = {}): void => {
  const { status, stderr } = spawnSync('sh', ['-c', command], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${join(MANAGER, '..')}:${process.env['PATH']}`, ...environment },
  });
  assert.equal(status, 0, `${command}\n${stderr}`);
};

test('named by the URL: the variable of the guide stands for it', async () => {
  const migrated = await run({}, ['--db-connect', database.url], 'migrate', from, to, '--dontask', '--nodelete');
  const command = commandWith(migrated, 'rollback');
  assert.equal(command, 'anchore-manager archivestorage --db-connect "${db}" rollback 1');
  paste(`${command} --dontask`, { db: database.url });
});

test('named by the environment, which the next command has as well', async () => {
  const environment = { ANCHORE_DB_CONNECT: database.url };
  const migrated = await run(environment, [], 'migrate', from, to, '--dontask', '--nodelete');
  const command = commandWith(migrated, 'clean');
  assert.equal(command, 'anchore-manager archivestorage clean 3');
  paste(`${command} --dontask`, environment);
});

test('named by a file, whose name a shell has to be told with care', async () => {
  const migrated = await run({}, ['--db-connect-file', urlFile], 'migrate', to, from, '--dontask', '--nodelete');
  paste(`${commandWith(migrated, 'clean')} --dontask`);
});

test('named by the configuration of the source alone: a command without one has to be told', async () => {
  const migrated = await run({}, [], 'migrate', from, to, '--dontask', '--nodelete');
  const command = commandWith(migrated, 'clean');
  assert.equal(command, `anchore-manager archivestorage --configfile ${from} clean 5`);
  paste(`${command} --dontask`);
  const { leftToDo } = JSON.parse(
    (await run({}, ['--configfile', from], 'report', '5', '--json')).stdout,
  ) as MigrationReport;
  assert.deepEqual(
    leftToDo.map(({ command: next }) => next),
    [null, null, `anchore-manager archivestorage --configfile ${from} clean 5 --reclaim`],
  );
});

test('what a precopy leaves to do', async () => {
  const copied = await run({}, ['--db-connect-file', urlFile], 'precopy', to, from);
  assert.match(commandWith(copied, 'migrate'), / migrate \/.*dest-config\.yaml \/.*config\.yaml$/);
  paste(`${commandWith(copied, 'migrate')} --dontask`);
});
