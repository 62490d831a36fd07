import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { getRunning } from '../../scripts/servers/running.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres } from '../support/postgres.ts';
import { REPOSITORY } from '../support/source-files.ts';

const run = promisify(execFile);

test('the access list of the runbook is enough for a user without rights of its own', async (t) => {
  const { credentials } = await getRunning('swift');
  const { authUrl = '', user = '', key = '' } = credentials;
  const container = `test-${randomBytes(8).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'test-acl-'));
  t.after(() => rm(folder, { recursive: true }));
  const writeConfig = async (name: string, driver: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(
      file,
      `services: {catalog: {archive: {compression: {enabled: false}, storage_driver: ${driver}}}}\n`,
    );
    return file;
  };
  const from = await writeConfig('db.yaml', '{name: db, config: {}}');
  const to = await writeConfig(
    'swift.yaml',
    `{name: swift, config: {auth: '${authUrl}', user: 'test:reader', key: '${key}', container: ${container}}}`,
  );
  await using database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  const manager = (...args: readonly string[]) =>
    runManager(['archivestorage', ...args], { ANCHORE_DB_CONNECT: database.url });

  // Made by the owner, and closed to everybody else.
  const owner = { env: { ...process.env, ST_AUTH: authUrl, ST_USER: user, ST_KEY: key } };
  await run('swift', ['post', container], owner);
  const closed = await manager('check', to);
  assert.equal(closed.code, 4, closed.stderr);
  assert.match(closed.stderr, /store\.denied|denie/i);

  const page = await readFile(join(REPOSITORY, 'docs/operations.md'), 'utf8');
  const command = /^swift post .*$/m.exec(page)?.[0] ?? assert.fail('the runbook has no swift post');
  await run(
    'sh',
    ['-c', command.replace('anchore-archive', container).replaceAll('PROJECT:USER', 'test:reader')],
    owner,
  );
  for (const args of [
    ['check', to],
    ['migrate', from, to, '--dontask'],
    ['verify', to],
    ['migrate', to, from, '--dontask'],
  ]) {
    const { code, stderr, stdout } = await manager(...args);
    assert.equal(code, 0, `${args[0]}: ${stderr}${stdout}`);
  }
});
