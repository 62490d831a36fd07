import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { payloadOf } from '../../src/archive/payload.ts';
import type { DeleteItem, DeleteOutcome } from '../../src/drivers/contract.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { atPoint, keyOf, Killed, listUrls, problemsThrough, seed, withOperations } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

describe('cleaning goes on', () => {
  let opened: OpenTestDatabase;
  let place: MemoryPlace;

  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());
  beforeEach(async () => {
    place = await MemoryPlace.open(opened.db);
  });

  /** Another row that names the object of a document. */
  const share = async (index: number, bucket: string, archiveId: string): Promise<void> => {
    await place.db.query(
      `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, digest, size, is_compressed,
                                     last_updated, created_at, record_state_key)
       SELECT $1, $2::text, "userId", $2::text || '.json', content_url, digest, size, is_compressed, last_updated, created_at,
              record_state_key
         FROM archive_metadata WHERE "archiveId" = $3`,
      [bucket, archiveId, keyOf(index).archiveId],
    );
  };

  for (const index of [0, 1]) {
    test(`with --move, where a row of a later batch names the same object as document ${index}`, async () => {
      const { db, from, to } = place;
      const expected = await seed(db, from, 30);
      await share(index, 'analysis_data', 'zzz');
      expected.set('zzz', expected.get(keyOf(index).archiveId) ?? '');
      const result = await place.migrate(from, to, { move: true });
      assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', 31]);
      assert.deepEqual(await problemsThrough(db, to, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });
  }

  test('where the first that would be deleted no longer holds what was migrated', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 5);
    const faults = atPoint('switch.after-commit', () =>
      from.driver.put(keyOf(0), payloadOf(Buffer.from('"else"')), { mode: 'replace' }),
    );
    const result = await place.migrate(from, to, {}, { faults });
    assert.deepEqual([result.outcome, result.problems.length], ['delete-problems', 1]);
    assert.deepEqual(await problemsThrough(db, to, expected), []);
    assert.deepEqual(await listUrls(from.driver), [from.driver.locate(keyOf(0))]);
  });

  test('where an exception needs the first that would be deleted', async () => {
    const { db, from, to } = place;
    await seed(db, from, 5);
    await share(0, 'other', 'zzz');
    const result = await place.migrate(from, to, { buckets: ['analysis_data'] });
    assert.equal(result.outcome, 'stranded');
    assert.deepEqual(await listUrls(from.driver), [from.driver.locate(keyOf(0))]);
  });

  test('with its canary, where it was killed before that was deleted', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 6);
    let killed = false;
    // The destination under another name, which the marker did not find.
    const linked = withOperations(from.driver, {
      delete: async (items: readonly DeleteItem[]): Promise<readonly DeleteOutcome[]> => {
        if (!killed) {
          killed = true;
          throw new Killed('before the first delete');
        }
        await to.driver.delete(
          items.map(({ ref }) => ({ ref: { ...ref, url: to.driver.locate(ref.key) }, md5: undefined })),
        );
        return from.driver.delete(items);
      },
    });
    const source = { ...from, driver: linked };
    await assert.rejects(place.migrate(source, to), Killed);
    await assert.rejects(place.migrate(source, to), { code: 'refused.same-store' });
    assert.equal((await problemsThrough(db, to, expected)).length, 1, 'no more than the canary was risked');
    assert.equal((await listUrls(from.driver)).length, 6, 'everything is at the source still');
  });
});
