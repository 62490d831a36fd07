import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Plan } from '../../src/manager/plan/plan.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, startPrivatePostgres } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

let configs: TemporaryConfigs;
let from: string;
let db2: string;

before(async () => {
  configs = await createConfigs();
  from = await configs.write('config.yaml', 'db');
  db2 = await configs.write('db2.yaml', 'db2');
});

after(() => configs[Symbol.asyncDispose]());

const planOn = async (
  url: string,
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly made: Plan; readonly codes: readonly string[] }> => {
  const { code, stdout, stderr } = await runManager(
    ['archivestorage', '--db-connect', url, 'plan', ...args, '--json'],
    { HTTP_PROXY: '', HTTPS_PROXY: '' },
  );
  assert.ok(stdout.startsWith('{"from"'), stdout + stderr);
  const made = JSON.parse(stdout) as Plan;
  return { code, made, codes: made.problems.map((problem) => problem.code) };
};

test('a server that does not keep what it has committed, and clocks are asked too', async () => {
  await using server = await startPrivatePostgres({ settings: { fsync: 'off' } });
  const database = await server.createDatabase({ template: 'fixture' });
  const { code, codes } = await planOn(database.url, from, db2);
  assert.equal(code, 3);
  assert.deepEqual(codes, ['refused.unsafe-database', 'reminder.backup']);
});

test('a role that may not do what a migration does: each right is tried, and the grant named', async () => {
  const database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  const role = `reader_${database.name}`;
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'hidden-password'`);
  try {
    await database.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
    await database.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    const url = new URL(database.url);
    url.username = role;
    url.password = 'hidden-password';
    const { code, made, codes } = await planOn(url.href, from, db2);
    assert.equal(code, 4, JSON.stringify(made.problems));
    assert.ok(codes.includes('database.denied'));
    assert.deepEqual(
      made.trials.filter(({ ok }) => !ok).map(({ side, operation }) => `${side}: ${operation}`),
      ['source: delete', 'destination: write', 'destination: delete'],
    );
    assert.equal(made.forecast.documents, 500, 'what can be seen is told all the same');
    assert.ok(!JSON.stringify(made).includes('hidden-password'));
  } finally {
    await database.query(`DROP OWNED BY ${role}`);
    await database.query(`DROP ROLE ${role}`);
    await database.drop();
  }
});

test('a store whose clock is wrong', async () => {
  const server = createServer((_, answer) =>
    answer.writeHead(403, { date: new Date(Date.now() - 3_600_000).toUTCString() }).end(),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const database = await (await getTestPostgres()).createDatabase();
  try {
    const { port } = server.address() as AddressInfo;
    const to = await configs.write(
      's3.yaml',
      's3',
      `{url: 'http://127.0.0.1:${port}', bucket: b, access_key: a, secret_key: hidden}`,
    );
    const { code, made } = await planOn(database.url, from, to);
    assert.equal(code, 4);
    const skew = made.problems.find((problem) => problem.code === 'store.clock-skew');
    assert.equal(skew?.severity, 'warn');
    assert.match(skew?.message ?? '', /^the clock of 127\.0\.0\.1:\d+ is 3\d\d\d s behind that of this machine$/);
  } finally {
    server.close();
    await database.drop();
  }
});

test('what a killed plan has left goes with the next', async () => {
  const database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  await database.query(
    `INSERT INTO object_storage ("userId", bucket, key, version, content)
     SELECT 'anchore-manager', 'probe', 'probe-' || n, '', 'left' FROM generate_series(0, 99) n`,
  );
  const { code, made } = await planOn(database.url, from, db2);
  assert.equal(code, 0, JSON.stringify(made.problems));
  assert.deepEqual(await database.query('SELECT count(*)::int AS left FROM object_storage'), [{ left: 0 }]);
  await database.drop();
});

test('a folder under another name of its own', async () => {
  const database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  const folder = join(configs.folder, 'archive');
  await mkdir(folder);
  await symlink(folder, join(configs.folder, 'other-name'));
  const one = await configs.write('one.yaml', 'localfs', `{archive_data_dir: ${folder}}`);
  const other = await configs.write(
    'other.yaml',
    'localfs',
    `{archive_data_dir: ${join(configs.folder, 'other-name')}}`,
  );
  const { code, codes } = await planOn(database.url, one, other, '--force');
  assert.equal(code, 3);
  assert.ok(codes.includes('refused.same-store') && codes.includes('refused.no-documents'), codes.join());
  await database.drop();
});
