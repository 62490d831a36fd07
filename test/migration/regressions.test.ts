import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Store } from '../../src/archive/store.ts';
import { AppError } from '../../src/core/errors.ts';
import type { DeleteItem, Driver } from '../../src/drivers/contract.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { getStatus } from '../../src/migration/status.ts';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import {
  environmentOf,
  keyOf,
  Killed,
  killedAt,
  listUrls,
  PLAIN,
  problemsThrough,
  seed,
  withOperations,
} from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const KEEP = { keepSource: true };

/** Ways of going on after an interruption, a failure or a mistake, each of which once led nowhere. */
for (const kind of DATABASE_KINDS) {
  describe(`going on, on ${kind}`, () => {
    let opened: OpenTestDatabase;
    let place: MemoryPlace;
    let from: Store;
    let to: Store;
    let db2: Store;

    before(async () => {
      opened = await openTestDatabase(kind);
      await ensureTables(opened.db);
    });
    after(() => opened[Symbol.asyncDispose]());
    beforeEach(async () => {
      place = await MemoryPlace.open(opened.db);
      ({ from, to, db2 } = place);
    });

    test('--move after precopy switches what was copied before', async () => {
      const expected = await seed(place.db, from, 45);
      await place.precopy(from, to);
      const result = await place.migrate(from, to, { move: true });
      assert.equal(result.outcome, 'complete');
      const status = await getStatus(place.db, result.id);
      assert.deepEqual([status.active, status.record.phase, status.counts.cleaned], ['to', 'cleaned', 45]);
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });

    test('a kill in cleaning is continued by the same command, where both stores have one driver', async () => {
      const expected = await seed(place.db, from, 30);
      await assert.rejects(place.migrate(from, to, {}, { faults: killedAt('clean.after-intent') }), Killed);
      const result = await place.migrate(from, to);
      assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', 30]);
      assert.equal(result.id, await place.getOnlyMigration());
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });

    test('a --move that was killed after its first batch is continued, and cannot be rolled back', async () => {
      const expected = await seed(place.db, from, 45);
      const killed = { faults: killedAt('copy.after-claim', 2) };
      await assert.rejects(place.migrate(from, to, { move: true }, killed), Killed);
      const id = await place.getOnlyMigration();
      assert.equal((await getStatus(place.db, id)).active, 'both-in-part');
      await assert.rejects(place.rollback(id, from, to), { code: 'refused.cannot-roll-back' });
      assert.equal((await place.migrate(from, to, { move: true })).outcome, 'complete');
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });

    for (const options of [{}, KEEP]) {
      test(`a killed --move goes on as one, even with ${JSON.stringify(options)} instead`, async () => {
        const expected = await seed(place.db, db2, 45);
        const killed = { faults: killedAt('copy.after-claim', 2) };
        await assert.rejects(place.migrate(db2, to, { move: true }, killed), Killed);
        const result = await place.migrate(db2, to, options);
        assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', 45]);
        assert.deepEqual(await problemsThrough(place.db, to, expected), []);
        assert.deepEqual(await listUrls(db2.driver), []);
      });
    }

    test('what --skip-failed left is moved once it can be read, where both stores have one driver', async () => {
      const expected = await seed(place.db, from, 10);
      const url = from.driver.locate(keyOf(3));
      const bytes = place.spaces.find('from').get(url);
      assert.ok(bytes !== undefined);
      place.spaces.find('from').delete(url);
      const partial = await place.migrate(from, to, { skipFailed: true });
      assert.deepEqual([partial.outcome, partial.counts.failed], ['failed-documents', 1]);
      assert.deepEqual((await problemsThrough(place.db, to, expected)).length, 1);
      place.spaces.find('from').set(url, bytes);
      const result = await place.migrate(from, to);
      assert.deepEqual([result.id, result.outcome, result.counts.cleaned], [partial.id, 'complete', 10]);
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });

    test('a row that came back to the source is copied and switched, and the cleaning ends', async () => {
      const expected = await seed(place.db, db2, 20);
      await assert.rejects(place.migrate(db2, to, {}, { faults: killedAt('clean.after-phase') }), Killed);
      await place.put(db2, 5, '{"document": "of a late service"}', expected);
      const result = await place.migrate(db2, to);
      assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', 20]);
      assert.equal(result.id, await place.getOnlyMigration());
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      assert.deepEqual(await listUrls(db2.driver), []);
    });

    test('an object that a row of another bucket names too stays until that is moved', async () => {
      const expected = await seed(place.db, db2, 20, 'x');
      await place.db.query(
        `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest, size)
         SELECT 'y', "archiveId", "userId", "documentName", content_url, is_compressed, digest, size
           FROM archive_metadata WHERE "archiveId" = $1`,
        [keyOf(3).archiveId],
      );
      const one = await place.migrate(db2, to, { buckets: ['x'] });
      assert.deepEqual([one.outcome, one.counts.cleaned, one.counts.skipped], ['stranded', 20, 1]);
      assert.deepEqual(await listUrls(db2.driver), [db2.driver.locate(keyOf(3, 'x'))]);
      const other = await place.migrate(db2, to, { buckets: ['y'] });
      assert.deepEqual([other.outcome, other.counts.cleaned], ['complete', 1]);
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      assert.deepEqual(await listUrls(db2.driver), []);
    });

    const refusing = (operation: 'put' | 'delete', allowed: number): ((driver: Driver) => Driver) => {
      let calls = 0;
      return (driver) =>
        operation === 'put'
          ? withOperations(driver, {
              put: (...call) => {
                if (++calls > allowed) throw new AppError('store.full', 'no space is left');
                return driver.put(...call);
              },
            })
          : withOperations(driver, {
              delete: async (items: readonly DeleteItem[]) =>
                items.map(() => ({
                  outcome: 'failed',
                  error: new AppError('store.denied', 'deletes are not allowed'),
                })),
            });
    };

    test('a source that lets nothing be deleted does not hold the archive up for ever', async () => {
      const expected = await seed(place.db, from, 10);
      const source = { ...from, driver: refusing('delete', 0)(from.driver) };
      await assert.rejects(place.migrate(source, to), { code: 'store.denied' });
      const id = await place.getOnlyMigration();
      assert.equal((await getStatus(place.db, id)).active, 'to');
      await assert.rejects(place.migrate(source, to), { code: 'store.denied' });
      const kept = await place.migrate(source, to, KEEP);
      assert.deepEqual([kept.id, kept.outcome], [id, 'delete-problems']);
      const status = await getStatus(place.db, id);
      assert.deepEqual([status.record.phase, status.task.state], ['cleaning', 'failed']);
      assert.equal((await listUrls(from.driver)).length, 10);
      const other = await place.openStore('other', 'c/');
      assert.equal((await place.migrate(to, other)).outcome, 'complete');
      assert.deepEqual(await problemsThrough(place.db, other, expected), []);
    });

    test('a destination that is full can be left for another', async () => {
      const expected = await seed(place.db, from, 30);
      const full = { ...to, driver: refusing('put', 10)(to.driver) };
      await assert.rejects(place.migrate(from, full), { code: 'store.full' });
      assert.deepEqual(await problemsThrough(place.db, from, expected), []);
      const ended = await place.rollback(await place.getOnlyMigration(), from, full, { deleteCopies: true });
      assert.equal(ended.outcome, 'complete');
      assert.deepEqual(await listUrls(to.driver), []);
      const other = await place.openStore('other', 'c/');
      assert.equal((await place.migrate(from, other)).outcome, 'complete');
      assert.deepEqual(await problemsThrough(place.db, other, expected), []);
    });

    test('our own copy is known after several versions and several kills', async () => {
      const expected = await seed(place.db, from, 3);
      await place.precopy(from, to);
      for (const version of [2, 3, 4]) {
        await place.put(from, 1, `{"document": "version ${version}"}`, expected);
        await assert.rejects(place.precopy(from, to, { faults: killedAt('copy.after-intent') }), Killed);
      }
      const result = await place.migrate(from, to);
      assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', 3]);
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
    });

    test('a mistyped --bucket leaves nothing behind', async () => {
      const expected = await seed(place.db, from, 5);
      const mistyped = place.migrate(from, to, { buckets: ['analysis-data'] });
      await assert.rejects(mistyped, { code: 'refused.no-documents', message: /the archive has analysis_data/ });
      assert.equal(await place.getNewestMigration(), 0);
      assert.equal((await place.migrate(from, to)).outcome, 'complete');
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
    });

    test('--bucket after a precopy of everything is refused, and the whole goes on', async () => {
      const expected = await seed(place.db, db2, 5, 'y');
      await place.put(db2, 100, '{"document": "in another bucket"}', expected);
      await place.precopy(db2, to);
      const partial = place.migrate(db2, to, { buckets: ['y'] });
      await assert.rejects(partial, { code: 'refused.unfinished', message: /concerns the object store, all buckets/ });
      assert.deepEqual(await problemsThrough(place.db, db2, expected), []);
      assert.equal((await place.migrate(db2, to, KEEP)).outcome, 'complete');
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
    });

    test('a --nodelete that was killed after its switch is finished by the same command', async () => {
      const expected = await seed(place.db, db2, 10);
      await assert.rejects(place.migrate(db2, to, KEEP, { faults: killedAt('switch.after-commit') }), Killed);
      const result = await place.migrate(db2, to, KEEP);
      assert.deepEqual([result.id, result.outcome], [await place.getOnlyMigration(), 'complete']);
      const status = await getStatus(place.db, result.id);
      assert.deepEqual([status.record.phase, status.task.state, status.active], ['switched', 'complete', 'to']);
      assert.equal((await listUrls(db2.driver)).length, 10);
      assert.equal((await place.rollback(result.id, db2, to)).outcome, 'complete');
      assert.deepEqual(await problemsThrough(place.db, db2, expected), []);
    });

    test('a cleaning that was interrupted ends with --nodelete, which says what is gone, and clean finishes it', async () => {
      const expected = await seed(place.db, db2, 30);
      await assert.rejects(place.migrate(db2, to, {}, { faults: killedAt('clean.after-record') }), Killed);
      const kept = await place.migrate(db2, to, KEEP);
      assert.equal(kept.outcome, 'delete-problems');
      assert.match(kept.problems[0]?.text ?? '', /15 documents are gone from the source, 15 are left/);
      const status = await getStatus(place.db, kept.id);
      assert.deepEqual([status.record.phase, status.task.state], ['cleaning', 'failed']);
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      assert.equal((await listUrls(db2.driver)).length, 15);
      assert.equal((await place.clean(kept.id, db2, to)).outcome, 'complete');
      assert.deepEqual(await listUrls(db2.driver), []);
      assert.deepEqual(await problemsThrough(place.db, to, expected), []);
    });

    test('a destination that keeps losing what it acknowledged fails the document after a few tries', async () => {
      const expected = await seed(place.db, from, 3);
      await place.precopy(from, to);
      const lost = to.driver.locate(keyOf(1));
      const { driver } = to;
      let puts = 0;
      const forgetful = withOperations(driver, {
        capabilities: { ...driver.capabilities, conditionalPut: false },
        put: async (...call) => {
          puts += 1;
          return driver.put(...call);
        },
        head: async (ref, signal) => (ref.url === lost ? undefined : driver.head(ref, signal)),
        get: async (ref, signal) => {
          if (ref.url === lost) place.spaces.find('to').delete(lost);
          return driver.get(ref, signal);
        },
      });
      place.spaces.find('to').delete(lost);
      const result = await place.migrate(from, { ...to, driver: forgetful });
      assert.deepEqual(Object.fromEntries(result.failures), { 'document.unproven': 1 });
      assert.ok(puts < 20, `${puts} puts`);
      assert.deepEqual(await problemsThrough(place.db, from, expected), []);
    });

    test('a migration of nothing does not make its destination the current store', async () => {
      const one = await place.openStore('one');
      const other = await place.openStore('other');
      const expected = await seed(place.db, one, 5); // the archive is in `one`, whose URLs are those of `other`
      assert.equal((await place.migrate(db2, other)).outcome, 'stranded'); // FROM reads nothing of it, which is not "complete"
      const result = await place.migrate(one, db2);
      assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', 5]);
      assert.deepEqual(await problemsThrough(place.db, db2, expected), []);
    });

    test('documents of unknown size count as large ones: no more is held in memory than a batch may hold', async () => {
      const MIB = 1024 * 1024;
      for (let index = 0; index < 24; index += 1) await place.put(from, index, 'A'.repeat(MIB), new Map());
      await place.db.query('UPDATE archive_metadata SET size = NULL');
      const held = new Set<string>();
      let peak = 0;
      const source = withOperations(from.driver, {
        get: async (ref, signal) => {
          held.add(ref.key.archiveId);
          peak = Math.max(peak, held.size);
          return from.driver.get(ref, signal);
        },
      });
      const destination = withOperations(to.driver, {
        put: async (key, ...rest) => {
          const receipt = await to.driver.put(key, ...rest);
          held.delete(key.archiveId);
          return receipt;
        },
      });
      const settings = { chunkSize: 1000, batchSize: 200, batchBytes: 4 * MIB, batchesInFlight: 2 };
      const { settings: defaults } = environmentOf(place.db);
      const result = await place.migrate(
        { ...from, driver: source },
        { ...to, codec: PLAIN, driver: destination },
        {},
        { settings: { ...defaults, ...settings } },
      );
      assert.equal(result.outcome, 'complete');
      assert.ok(peak <= 8, `${peak} MiB were held at once; 8 are allowed`);
    });
  });
}
