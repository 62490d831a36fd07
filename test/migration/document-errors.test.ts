import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { putDocument } from '../../src/archive/archive.ts';
import { injectFaults } from '../../src/drivers/wrappers/inject-faults.ts';
import { readDocuments } from '../../src/manager/plan/read-documents.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { keyOf, seed, sideOf, withOperations } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

/** Reasons for which a single document fails, and which the suites of the rules do not come by. */
describe('documents that fail', () => {
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

  test('a payload that its row calls compressed, and that is not', async () => {
    await seed(place.db, place.from, 3);
    await place.db.query('UPDATE archive_metadata SET is_compressed = true WHERE "archiveId" = $1', [
      keyOf(1).archiveId,
    ]);
    const { outcome, failures } = await place.migrate(place.from, place.to);
    assert.deepEqual([outcome, [...failures]], ['failed-documents', [['document.undecodable', 1]]]);
  });

  test('a document that changes under every copy', async () => {
    await seed(place.db, place.from, 3);
    let times = 0;
    const driver = withOperations(place.from.driver, {
      get: async (ref, signal) => {
        if (ref.key.archiveId === keyOf(1).archiveId) {
          times += 1;
          await putDocument(place.db, place.from, keyOf(1), Buffer.from('x'.repeat(times)));
        }
        return place.from.driver.get(ref, signal);
      },
    });
    const { outcome, failures } = await place.migrate({ ...place.from, driver }, place.to);
    assert.deepEqual([outcome, [...failures]], ['failed-documents', [['document.changed', 1]]]);
  });

  test('plan tells of documents that the store refuses to give', async () => {
    await seed(place.db, place.from, 3);
    const driver = injectFaults(place.from.driver, ({ operation }) =>
      operation === 'get' ? { kind: 'error', when: 'before', code: 'store.denied' } : undefined,
    );
    const side = sideOf({ ...place.from, driver }, 'config');
    const signal = new AbortController().signal;
    const { documents, failures } = await readDocuments(place.db, side, { sample: 'all', buckets: [], signal });
    assert.deepEqual([documents, failures.map(({ code }) => code)], [3, Array(3).fill('verify.wrong')]);
  });
});
