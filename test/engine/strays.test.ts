import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAppError } from '../../src/core/errors.ts';
import { runManager } from '../support/manager.ts';
import { createPlace, type EnginePlace, send, startIn, urlOf } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

const localfs = (folder: string): string =>
  `{storage_driver: {name: localfs, config: {archive_data_dir: '${folder}'}}}`;

/** Rows of a store that was given up long ago. */
const addStrays = (place: EnginePlace, count: number): Promise<unknown> =>
  place.database.query(
    `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url)
     SELECT 'old', 'stray' || n, 'admin', 'stray' || n || '.json', 'swift://gone/admin/old/stray' || n FROM generate_series(1, ${count}) n`,
  );

const isUnreadable = (error: unknown): boolean => isAppError(error, 'refused.unreadable-documents');

test('a few strays in an archive that the driver otherwise reads are warned about', async () => {
  await using place = await createPlace('fixture');
  const config = await place.configure({ more: '' });
  await addStrays(place, 3);
  const lines: string[] = [];
  await using _ = await startIn(config, {}, lines);
  assert.ok(
    lines.some((line) => /"level":40.*3 documents cannot be read with the configured driver db: 3 in swift/.test(line)),
    lines.join(''),
  );
});

test('without a journal, a driver that reads fewer than half is refused, and --allow-unreadable starts it', async () => {
  await using place = await createPlace('fixture');
  const config = await place.configure({ more: '' });
  await addStrays(place, 501);
  await assert.rejects(startIn(config), (error) => {
    assert.ok(isAppError(error, 'refused.unreadable-documents'));
    assert.match(error.remedy, /anchore-engine start --allow-unreadable/);
    return true;
  });
  await using engine = await EngineProcess.start(['-c', config, '--allow-unreadable', '--any-port']);
  assert.match(
    engine.stderr,
    /started with --allow-unreadable: 501 documents cannot be read .* 501 in swift \(such as/,
  );
});

test('with a journal the current store decides, however many rows there are on either side', async () => {
  await using place = await createPlace();
  const from = await place.configure({ name: 'config.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(join(place.folder, 'documents')) });
  {
    await using engine = await startIn(from);
    await send(urlOf(engine), 'POST', '/v1/objects/b/x', { body: '{"document": 1}' });
  }
  const migrated = await runManager(['archivestorage', 'migrate', from, to, '--dontask', '--force']);
  assert.equal(migrated.code, 0, migrated.stderr);
  await addStrays(place, 10);
  // The new configuration is right, although it reads only two of twelve.
  const lines: string[] = [];
  await (await startIn(to, {}, lines)).stop();
  assert.ok(
    lines.some((line) => /10 documents cannot be read .* since migration 1 the archive is in folder/.test(line)),
  );
  // The old one is wrong, although most rows could be its own.
  await place.database.query(
    `UPDATE archive_metadata SET content_url = 'db://admin/old/' || "archiveId" WHERE bucket = 'old'`,
  );
  await assert.rejects(startIn(from), isUnreadable);
});

test('--allow-unreadable does not open a store that the archive has left', async () => {
  await using place = await createPlace();
  const [first, second] = ['first', 'second'].map((name) => join(place.folder, name));
  const from = await place.configure({ name: 'config.yaml', archive: localfs(first ?? '') });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(second ?? '') });
  await (await startIn(from)).stop();
  assert.equal((await runManager(['archivestorage', 'migrate', from, to, '--dontask', '--force'])).code, 0);
  await assert.rejects(startIn(from, {}, [], { allowUnreadable: true }), (error) =>
    isAppError(error, 'refused.not-current'),
  );
});

test('what a migration has listed as elsewhere is warned about as such', async () => {
  await using place = await createPlace();
  const from = await place.configure({ name: 'config.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(join(place.folder, 'documents')) });
  await (await startIn(from)).stop();
  await addStrays(place, 2);
  const migrated = await runManager(['archivestorage', 'migrate', from, to, '--dontask', '--force']);
  assert.equal(migrated.code, 0, migrated.stderr);
  const reasons = await place.database.query(
    "SELECT DISTINCT error_code FROM archive_mover_document WHERE state = 'skipped'",
  );
  assert.deepEqual(reasons, [{ error_code: 'skipped.elsewhere' }]);
  const lines: string[] = [];
  await (await startIn(to, {}, lines)).stop();
  assert.ok(
    lines.some((line) => /2 documents cannot be read, as a migration has listed: 2 in swift/.test(line)),
    lines.join(''),
  );
});
