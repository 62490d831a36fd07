import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres } from '../support/postgres.ts';
import { findUnreadable, openStore, readFixtureDocuments, writeConfig } from './fixture.ts';

test('the real archive goes db -> localfs -> db2, and says on which server', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'one-leg-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await using postgres = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  const { url } = postgres;
  const [version] = await postgres.query<{ version: string }>(`SELECT current_setting('server_version') AS version`);
  t.diagnostic(`PostgreSQL ${version?.version}`);
  const files = new Map<string, string>();
  for (const [name, config] of [
    ['db', {}],
    ['db2', {}],
    ['localfs', { archive_data_dir: join(folder, 'documents') }],
  ] as const) {
    files.set(name, await writeConfig(folder, name, { name, config, compressed: true }, url));
  }
  const documents = await readFixtureDocuments();
  for (const [from, to] of [
    ['db', 'localfs'],
    ['localfs', 'db2'],
  ] as const) {
    const args = ['archivestorage', '--db-connect', url, 'migrate', files.get(from) ?? '', files.get(to) ?? ''];
    const moved = await runManager([...args, '--dontask', '--force']);
    assert.equal(moved.code, 0, moved.stderr);
    await using db = await openDatabase(parseConnectUrl(url, { place: 'test', environment: {} }), {
      applicationName: 'psql',
    });
    await using store = await openStore(db, files.get(to) ?? '');
    assert.deepEqual(await findUnreadable(db, store, documents), []);
  }
});
