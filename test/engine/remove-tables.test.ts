import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAppError } from '../../src/core/errors.ts';
import { runTyping } from '../manager/typed-manager.ts';
import { startFauxqs } from '../support/fauxqs.ts';
import { runManager } from '../support/manager.ts';
import { createPlace, type EnginePlace, send, startIn, urlOf } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

const localfs = (folder: string): string =>
  `{storage_driver: {name: localfs, config: {archive_data_dir: '${folder}'}}}`;

const manager = (...args: readonly string[]) => runManager(['archivestorage', ...args]);

const removeTables = (config: string, ...more: readonly string[]) =>
  manager('--configfile', config, 'remove-tables', '--dontask', ...more);

const countTables = async ({ database }: EnginePlace): Promise<number | undefined> =>
  (
    await database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_tables WHERE tablename LIKE 'archive_mover%'`,
    )
  )[0]?.count;

const refusedToStart = async (config: string): Promise<string> =>
  EngineProcess.start(['-c', config]).then(
    async (engine) => {
      await engine[Symbol.asyncDispose]();
      assert.fail('it started');
    },
    (error: unknown) => String(error),
  );

test('documents that only the journal lists as left behind keep its tables: without them no service starts', async () => {
  await using place = await createPlace();
  const from = await place.configure({ name: 'config.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(join(place.folder, 'documents')) });
  {
    await using engine = await startIn(from);
    for (const id of ['good', 'bad-1', 'bad-2', 'bad-3'])
      await send(urlOf(engine), 'POST', `/v1/objects/b/${id}`, { body: '{"document": 1}' });
  }
  await place.database.query(
    `UPDATE archive_document SET jsondata = 'damaged' WHERE "archiveId" <> 'good' AND bucket = 'b'`,
  );
  const migrated = await manager('migrate', from, to, '--dontask', '--skip-failed');
  assert.equal(migrated.code, 1, migrated.stderr);

  const refused = await removeTables(to);
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(
    refused.stderr,
    /Error: 3 documents of the archive in folder .*documents are elsewhere \(such as db:\/\/admin\/b\/bad-1\), as the journal lists: .* anchore-engine does not start\./,
  );
  assert.match(refused.stderr, /code: {3}refused\.journal-needed/);
  assert.match(refused.stderr, /remedy: First see show-migration 1 --failed --skipped, .*--force removes the tables/);
  {
    await using engine = await EngineProcess.start(['-c', to]);
    assert.equal((await send(engine.urlOf('apiext'), 'GET', '/v1/objects/b/good')).status, 200);
  }

  // What it says is so.
  const forced = await removeTables(to, '--force');
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stderr, /--force: 3 documents of the archive/);
  assert.match(await refusedToStart(to), /3 documents cannot be read with the configured driver localfs: 3 in db/);
});

test('once nothing is left behind, the tables can go, and services start', async () => {
  await using place = await createPlace();
  const from = await place.configure({ name: 'config.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(join(place.folder, 'documents')) });
  {
    await using engine = await startIn(from);
    for (const bucket of ['some', 'others'])
      await send(urlOf(engine), 'POST', `/v1/objects/${bucket}/x`, { body: '{"document": 1}' });
  }
  assert.equal((await manager('migrate', from, to, '--dontask', '--bucket', 'some')).code, 1);
  assert.equal((await removeTables(to)).code, 3);
  assert.equal((await manager('migrate', from, to, '--dontask')).code, 0);
  const removed = await removeTables(to);
  assert.equal(removed.code, 0, removed.stderr);
  assert.equal(await countTables(place), 0);
  await using engine = await EngineProcess.start(['-c', to]);
  for (const bucket of ['some', 'others'])
    assert.equal((await send(engine.urlOf('apiext'), 'GET', `/v1/objects/${bucket}/x`)).status, 200);
  // A node that was forgotten is refused all the same: its driver reads none of the URLs.
  assert.match(await refusedToStart(from), /refused\.unreadable-documents/);
});

test('a source that was kept, and whose services read the URLs of today, keeps the tables', async () => {
  await using place = await createPlace();
  const folders = ['first', 'second'].map((name) => join(place.folder, name));
  const [from = '', to = ''] = await Promise.all(
    folders.map((folder, index) => place.configure({ name: `config-${index}.yaml`, archive: localfs(folder) })),
  );
  await (await startIn(from)).stop();
  const migrated = await manager('migrate', from, to, '--dontask', '--nodelete');
  assert.equal(migrated.code, 0, migrated.stderr);

  const refused = await removeTables(to);
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(
    refused.stderr,
    /Error: folder .*first, which migration 1 has left, keeps its documents, .*a node with the old configuration starts, and writes to the store that the archive has left\./,
  );
  assert.match(refused.stderr, /remedy: First clean 1, with the services stopped/);
  assert.match(await refusedToStart(from), /refused\.not-current/);

  // A person is told the same, and more, before the question.
  const asked = await runTyping('n\n', ['archivestorage', '--configfile', to, 'remove-tables', '--force']);
  assert.equal(asked.code, 3, asked.shown);
  const shown = asked.shown.replaceAll(/\s+/g, ' ');
  assert.match(shown, /What is given up: - folder .*first, which migration 1 has left/);
  assert.match(shown, /- rollback and clean of what still has its source: migration 1 - retry, show-migration/);
  assert.match(shown, /Remove them - proceed\? \(y\/N\)/);
  assert.notEqual(await countTables(place), 0);

  // The other way: once the source is clean, nothing of it is given up.
  const cleaned = await manager('--configfile', to, 'clean', '1', '--dontask');
  assert.equal(cleaned.code, 0, cleaned.stderr);
  const removed = await removeTables(to);
  assert.equal(removed.code, 0, removed.stderr);
  await using engine = await EngineProcess.start(['-c', to]);
  assert.equal((await send(engine.urlOf('apiext'), 'GET', '/v1/policies?detail=True')).status, 200);
});

test('with --force a node that was forgotten starts on the old copies, as was said', async () => {
  await using place = await createPlace();
  await using one = await startFauxqs();
  await using other = await startFauxqs();
  const [from = '', to = ''] = await Promise.all(
    [one, other].map(({ url }, index) =>
      place.configure({
        name: `config-${index}.yaml`,
        archive: `{storage_driver: {name: s3, config: {url: '${url}', bucket: archive, create_bucket: true, access_key: a, secret_key: secret-b}}}`,
      }),
    ),
  );
  await (await startIn(from)).stop();
  assert.equal((await manager('migrate', from, to, '--dontask', '--nodelete')).code, 0);
  await assert.rejects(startIn(from), (error) => isAppError(error, 'refused.not-current'));
  const refused = await removeTables(to);
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(refused.stderr, /keeps its documents, and gives documents the same URLs as s3 bucket/);
  assert.equal((await removeTables(to, '--force')).code, 0);
  await (await startIn(from)).stop();
});
