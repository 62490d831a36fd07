import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { configOf, findBoxes, readRunbook } from '../operations/runbook.ts';
import { startFauxqs } from '../support/fauxqs.ts';
import { findPackage, OLDER_VERSIONS } from '../support/older-postgres.ts';
import { startPrivatePostgres } from '../support/postgres.ts';
import { REPOSITORY } from '../support/source-files.ts';

const run = promisify(execFile);

test('every command of the runbook works, in its order, with the rights that it names', async (t) => {
  // pg_dump and psql are Debian's, whose pg_dump knows no newer server.
  delete process.env['TEST_POSTGRES_BINARIES'];
  process.env['TEST_POSTGRES_PACKAGE'] = await findPackage(OLDER_VERSIONS[15]);
  const folder = await mkdtemp(join(tmpdir(), 'test-operations-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await using postgres = await startPrivatePostgres();
  const database = await postgres.createDatabase({ template: 'fixture' });
  const admin = database.url;
  await using s3 = await startFauxqs();

  // The runbook leaves the password to a person.
  const password = randomBytes(9).toString('hex');
  await database.query(`CREATE ROLE anchore_mover LOGIN PASSWORD '${password}'`);
  const url = Object.assign(new URL(admin), { username: 'anchore_mover', password }).href;
  const s3Config = `{name: s3, config: {url: '${s3.url}', bucket: anchore-archive, create_bucket: true, access_key: a, secret_key: b}}`;
  await writeFile(join(folder, 'mover.url'), url);
  await writeFile(join(folder, 'config.yaml'), configOf(admin, '{name: db, config: {}}'));
  await writeFile(join(folder, 'dest-config.yaml'), configOf(admin, s3Config));
  await mkdir(join(folder, 'node2'));
  await cp(join(folder, 'config.yaml'), join(folder, 'node2', 'config.yaml'));
  await symlink(join(REPOSITORY, 'deploy'), join(folder, 'deploy'));

  const commands = findBoxes(await readRunbook(), 'sh');
  assert.ok(commands.length >= 12, `only ${commands.length} boxes were found`);
  const script = [
    'set -euo pipefail',
    'set -x',
    'systemctl start anchore-engine',
    ...commands,
    'systemctl stop anchore-engine',
  ].join('\n');
  const { stdout, stderr } = await run('bash', ['-c', script], {
    cwd: folder,
    env: {
      ...process.env,
      admin,
      PATH: `${join(REPOSITORY, 'test/operations')}:${join(REPOSITORY, 'bin')}:${process.env['PATH']}`,
    },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000,
  }).catch((error: Error & { stderr?: string; stdout?: string }) => {
    throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  assert.ok(!(stdout + stderr).includes(password), 'the password is shown');
  assert.equal((await s3.listKeys('anchore-archive')).length, 500);
  const [left] = await database.query<{ count: number }>('SELECT count(*)::int AS count FROM archive_document');
  assert.equal(left?.count, 0, 'the source was cleaned');
  for (const file of ['before.dump', 'migrate.log', 'migrate.html', 'bundle.tar.gz', 'migration.html'])
    assert.ok((await readFile(join(folder, file))).length > 100, file);
});
