import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIGURABLE_DRIVERS } from '../../src/drivers/sections.ts';
import { DRIVERS } from '../../src/drivers/registry.ts';
import { MANAGER, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;

before(async () => {
  configs = await createConfigs();
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
});

after(async () => {
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

/** A port of 127.0.0.1 on which nobody listens any more. */
const findClosedPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

const errorOf = (stdout: string): { code: string; message: string; exit: number } =>
  (JSON.parse(stdout) as { error: { code: string; message: string; exit: number } }).error;

test('help and version: success, on standard output', async () => {
  for (const args of [['--help'], ['objectstorage', 'check', '--help']]) {
    const { code, stdout, stderr } = await runManager(args);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Usage: anchore-manager /);
  }
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  assert.equal((await runManager(['--version'])).stdout, `${version}\n`);
});

test('a command line that cannot be understood: exit 2, one block, nothing on standard output', async () => {
  const { code, stdout, stderr } = await runManager(['archivestorage', 'migrate', 'a', 'b', '--nodelte']);
  assert.deepEqual([code, stdout], [2, '']);
  assert.equal(
    stderr,
    "Error: unknown option '--nodelte' (Did you mean --nodelete?).\n  code:   usage.invalid\n  remedy: See: anchore-manager archivestorage migrate --help.\n",
  );
  const remedies: readonly (readonly [args: readonly string[], remedy: string])[] = [
    [[], 'See: anchore-manager --help.'],
    [['archivestorage'], 'See: anchore-manager archivestorage --help.'],
    [['archivestorage', 'migrat', 'a', 'b'], 'See: anchore-manager archivestorage --help.'],
    [['migrate', 'a', 'b'], 'Name its group first: anchore-manager archivestorage migrate.'],
  ];
  for (const [args, remedy] of remedies) {
    const finished = await runManager(args);
    assert.deepEqual([finished.code, finished.stdout], [2, '']);
    assert.match(finished.stderr, new RegExp(`remedy: ${remedy}\n$`));
  }
});

test('a configuration that cannot be used: exit 2, with its place; the same as JSON', async () => {
  const file = await configs.write('wrong.yaml', 's4');
  const { code, stderr, stdout } = await runManager(['archivestorage', 'check', file, '--json']);
  assert.equal(code, 2);
  const sentence = `${file}:5 services.catalog.object_store.storage_driver.name: expected one of ${CONFIGURABLE_DRIVERS.join(', ')}; got "s4"`;
  assert.ok(stderr.includes(`Error: ${sentence}`), stderr);
  assert.deepEqual(
    [errorOf(stdout).code, errorOf(stdout).message, errorOf(stdout).exit],
    ['config.invalid', `${sentence}.`, 2],
  );
  const missing = await runManager(['archivestorage', 'check', join(configs.folder, 'none.yaml')]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /none\.yaml does not exist/);
});

test('a database that nobody serves: exit 4, and no password', async () => {
  const url = `postgresql://someone:hidden-password@127.0.0.1:${await findClosedPort()}/d`;
  const { code, stderr, stdout } = await runManager([
    '--json',
    '--debug',
    'archivestorage',
    '--db-connect',
    url,
    'list-migrations',
  ]);
  assert.equal(code, 4, stderr);
  assert.equal(errorOf(stdout).code, 'database.unreachable');
  assert.doesNotMatch(stderr + stdout, /hidden-password/);
  assert.match(stderr, /DB params: \{.*someone:\*\*\*\*@/);
});

test('the database can be named by an option, its file, @file, the environment, or a configuration', async () => {
  const file = join(configs.folder, 'url');
  await writeFile(file, `${database.url}\n`);
  const config = join(configs.folder, 'with-database.yaml');
  await writeFile(
    config,
    `services: {catalog: {}}\ncredentials: {database: {db_connect: '${database.url}', db_connect_args: {ssl: false}}}\n`,
  );
  const ways: readonly (readonly [args: readonly string[], environment: Record<string, string>])[] = [
    [['--db-connect', database.url], {}],
    [['--db-connect-file', file], {}],
    [['--db-connect', `@${file}`], {}],
    [[], { ANCHORE_DB_CONNECT: database.url }],
    [['--configfile', config], {}],
  ];
  for (const [args, environment] of ways) {
    const { code, stderr, stdout } = await runManager(['archivestorage', 'list-migrations', ...args], environment);
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^id +state +start time +end time +from +to +migrated count +total to migrate +last updated +condition +$/m,
    );
    assert.match(stderr, new RegExp(database.name));
  }
});

test('commands that only look create nothing', async () => {
  const empty = await (await getTestPostgres()).createDatabase();
  try {
    const { code } = await runManager(['archivestorage', '--db-connect', empty.url, 'list-migrations']);
    assert.equal(code, 0);
    assert.deepEqual(await empty.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`), []);
  } finally {
    await empty.drop();
  }
  const folder = join(configs.folder, 'no-such-database');
  const { code, stderr } = await runManager([
    'archivestorage',
    '--db-connect',
    `embedded:${folder}`,
    'list-migrations',
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /there is no embedded one in/);
});

test('list-migrations shows runs of the original tool, and one whose owner is gone as interrupted', async () => {
  const own = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  try {
    const insert = (state: string, at: string): string =>
      `WITH t AS (INSERT INTO tasks (state, last_state, created_at, started_at, ended_at, last_updated, executor_id, type)
                  VALUES ('${state}', 'running', '${at}', '${at}', NULL, '${at}', 'h:1:2:', 'archivemigrationtask') RETURNING id)
       INSERT INTO archive_migration_tasks (id, migrate_from_driver, migrate_to_driver, archive_documents_to_migrate, archive_documents_migrated)
       SELECT id, 'db', 's3', 500, 37 FROM t`;
    await own.query(insert('running', '2018-08-15 18:03:52.949956'));
    await own.query(insert('complete', '2018-08-15 18:03:52'));
    const list = async (...more: readonly string[]): Promise<string> =>
      (await runManager(['archivestorage', '--db-connect', own.url, 'list-migrations', ...more])).stdout;
    const lines = (await list()).split('\n');
    assert.match(
      lines[1] ?? '',
      /^1 +interrupted +2018-08-15T18:03:52\.949956Z +None +db +s3 +37 +500 +2018-08-15T18:03:52\.949956Z +interrupted *$/,
    );
    assert.match(lines[2] ?? '', /^2 +complete +2018-08-15T18:03:52Z +None .* complete *$/);
    const holder = await own.connect();
    await holder.query('SELECT pg_advisory_lock(2, 1)');
    const { migrations } = JSON.parse(await list('--json')) as {
      migrations: { state: string; documentsMigrated: number }[];
    };
    assert.deepEqual(
      migrations.map(({ state, documentsMigrated }) => [state, documentsMigrated]),
      [
        ['running', 37],
        ['complete', 37],
      ],
    );
    await holder.end();
  } finally {
    await own.drop();
  }
});

test('ids that name nothing', async () => {
  const calls = [
    ['show-migration', '0'],
    ['resume', 'x'],
    ['retry', '99'],
    ['rollback', '99'],
    ['clean', '-1'],
  ];
  for (const [command = '', id = ''] of calls) {
    const { code, stderr } = await runManager(['archivestorage', '--db-connect', database.url, command, id]);
    assert.equal(code, 2, `${command} ${id}: ${stderr}`);
    assert.match(stderr, /code: {3}usage\.invalid/);
  }
});

test('list-drivers needs no database', async () => {
  const { code, stdout, stderr } = await runManager(['objectstorage', 'list-drivers']);
  assert.deepEqual([code, stderr], [0, '']);
  // The original's own line; what it does not have comes after what it has.
  assert.match(stdout, /^Supported object storage drivers: \['db', 'db2', 'localfs', 's3', 'swift'[^\]\n]*\]\n/);
  assert.deepEqual(
    DRIVERS.map(({ name }) => name),
    CONFIGURABLE_DRIVERS,
  );
});

test('the secrets of a configuration are told nowhere, whatever goes wrong', async () => {
  const secrets = ['the-secret-of-s3', 'pw-in-the-url', 'the-key-of-swift', 'hidden-password'];
  const closed = `127.0.0.1:${await findClosedPort()}`;
  const s3 = await configs.write(
    's3.yaml',
    's3',
    `{bucket: b, access_key: AKIAEXAMPLE, secret_key: the-secret-of-s3, url: 'http://me:pw-in-the-url@${closed}'}`,
  );
  const swift = await configs.write(
    'swift.yaml',
    'swift',
    `{container: c, auth: 'http://${closed}/auth/v1.0', user: u, key: the-key-of-swift}`,
  );
  const db = ['--debug', 'archivestorage', '--db-connect', database.url];
  const empty = await (await getTestPostgres()).createDatabase();
  const runs = await Promise.all([
    runManager([...db, 'check', s3]),
    runManager([...db, 'check', swift]),
    // With an archive elsewhere it would be refused before a store is asked anything.
    runManager([...db.with(-1, empty.url), 'migrate', s3, swift, '--dontask', '--json']),
  ]);
  await empty.drop();
  for (const { code, stdout, stderr } of runs) {
    assert.ok(code === 4 || code === 2, `${code} ${stderr}`);
    for (const secret of secrets) assert.ok(!(stdout + stderr).includes(secret), `${secret} in ${stdout}${stderr}`);
  }
  assert.match(runs[2]?.stderr ?? '', /"secret_key": "\*\*\*\*"/);
  assert.match(runs[2]?.stderr ?? '', /'key': '\*\*\*\*'/);
});

test('the process list shows no password while the command runs; a signal ends it with 130', async () => {
  const sockets = new Set<Socket>();
  const mute = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
  }).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const url = `postgresql://u:hidden-password@127.0.0.1:${(mute.address() as AddressInfo).port}/d`;
  const child = spawn(MANAGER, ['archivestorage', '--db-connect', url, 'list-migrations'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close');
  try {
    await once(mute, 'connection');
    const shown = await readFile(`/proc/${child.pid}/cmdline`, 'utf8');
    assert.doesNotMatch(shown, /hidden-password/);
    assert.match(shown, /^anchore-manager/);
    child.kill('SIGINT');
    const [code] = (await Promise.race([ended, sleep(20_000, ['still running'], { ref: false })])) as [number | string];
    assert.equal(code, 130, stderr);
    assert.match(stderr, /code: {3}interrupted/);
  } finally {
    child.kill('SIGKILL');
    for (const socket of sockets) socket.destroy();
    mute.close();
  }
});
