import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openLocalfsDriver } from '../../src/drivers/localfs/driver.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { openTestDatabase } from '../support/each-database.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { environmentOf, keyOf, problemsThrough, requestOf, seed, storeOf, until, withOperations } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const COUNT = 25;

test('what was changed since is found, whatever its times say; what nobody has touched is not read again', async () => {
  await using opened = await openTestDatabase('postgres');
  await ensureTables(opened.db);
  const place = await MemoryPlace.open(opened.db);
  const root = await mkdtemp(join(tmpdir(), 'test-untouched-'));
  try {
    const plain = await openLocalfsDriver({
      archiveDataDir: root,
      owner: undefined,
      fileMode: undefined,
      folderMode: undefined,
    });
    const read: string[] = [];
    const to = await storeOf(
      withOperations(plain, {
        get: (ref, signal) => {
          read.push(ref.key.archiveId);
          return plain.get(ref, signal);
        },
      }),
    );
    const expected = await seed(place.db, place.from, COUNT);
    const force = { force: true }; // the folder may lie in memory
    const precopy = () => migrate(environmentOf(place.db), requestOf(place.from, to, force), { online: true });
    const documentsRead = (): readonly string[] => [...new Set(read)].filter((id) => expected.has(id)).toSorted();
    await precopy();
    assert.equal(documentsRead().length, COUNT, 'a precopy ends by reading what it has copied');
    const last = keyOf(COUNT - 1);
    // A file that is as young as this could be changed again at the same time.
    await until(async () => (await plain.head({ key: last, url: plain.locate(last) }))?.version !== undefined);
    await precopy();

    const pathOf = (index: number): string => fileURLToPath(plain.locate(keyOf(index)));
    const damaged = pathOf(3);
    const { size, atime, mtime } = await stat(damaged);
    await writeFile(damaged, Buffer.alloc(size, 'x'));
    await utimes(damaged, atime, mtime);
    await copyFile(pathOf(4), join(root, '.copy'));
    await rename(join(root, '.copy'), pathOf(4));
    await rm(pathOf(5));

    read.length = 0;
    const result = await place.migrate(place.from, to, force);
    // Bytes that nobody intended are never overwritten; what is gone is copied again.
    assert.deepEqual([result.outcome, result.counts.failed, result.counts.copied], ['failed-documents', 1, COUNT - 1]);
    const { rows } = await place.db.query(
      'SELECT archive_id, error_code FROM archive_mover_document WHERE state = $1',
      ['failed'],
    );
    assert.deepEqual(rows, [{ archive_id: keyOf(3).archiveId, error_code: 'document.conflict' }]);
    const touched = [keyOf(3).archiveId, keyOf(4).archiveId];
    assert.deepEqual(documentsRead(), touched);
    assert.deepEqual(await problemsThrough(place.db, place.from, expected), []);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
