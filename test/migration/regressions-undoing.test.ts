import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Store } from '../../src/archive/store.ts';
import type { DeleteItem, ObjectRef } from '../../src/drivers/contract.ts';
import { openDriver } from '../../src/drivers/registry.ts';
import { FAULT_POINTS, type FaultPoints } from '../../src/migration/fault-points.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { getStatus } from '../../src/migration/status.ts';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { keyOf, Killed, killedAt, listUrls, PLAIN, problemsThrough, seed, storeOf, withOperations } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const KEEP = { keepSource: true };

/** Cleaning later, undoing, and stores that are not what they seem: cases that once lost track of what is whose. */
for (const kind of DATABASE_KINDS) {
  describe(`undoing and cleaning, on ${kind}`, () => {
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

    describe('what an earlier migration could not see', () => {
      test('moves with the next one from where it lies: --bucket there, everything back, everything there', async () => {
        await seed(place.db, from, 10);
        await seed(place.db, from, 10, 'manifest_data');
        await place.migrate(from, db2, { buckets: ['manifest_data'] });
        await place.migrate(db2, from);
        const result = await place.migrate(from, db2);
        assert.deepEqual([result.outcome, result.counts.cleaned, result.counts.skipped], ['complete', 20, 0]);
        assert.deepEqual(await listUrls(from.driver), []);
      });

      test('a document that failed, after a rollback: it is tried again, and not passed over', async () => {
        await seed(place.db, from, 10);
        const ref = { key: keyOf(3), url: from.driver.locate(keyOf(3)) };
        await from.driver.delete([{ ref, md5: undefined }]);
        const { id } = await place.migrate(from, db2, { ...KEEP, skipFailed: true });
        await place.rollback(id, from, db2);
        const again = await place.migrate(from, db2);
        assert.deepEqual([again.outcome, again.counts.failed, again.counts.skipped], ['failed-documents', 1, 0]);
      });

      test('a rollback leaves what its migration had not moved', async () => {
        await seed(place.db, from, 10);
        await seed(place.db, db2, 4, 'manifest_data');
        const { id, counts } = await place.migrate(from, db2, KEEP);
        const back = await place.rollback(id, from, db2);
        assert.deepEqual(
          [counts.skipped, back.outcome, back.counts.switched, back.counts.skipped],
          [4, 'stranded', 10, 4], // the configuration that works again cannot read these, which the other one could
        );
      });
    });

    describe('clean', () => {
      for (const [what, change] of [
        ['deleted', (expected: Map<string, string>) => place.remove(to, 0, expected)],
        ['rewritten', (expected: Map<string, string>) => place.put(to, 0, '{"document": "new"}', expected)],
      ] as const) {
        test(`is not held up by a document that its owner has ${what} since, and may be repeated`, async () => {
          const expected = await seed(place.db, from, 20);
          const { id } = await place.migrate(from, to, KEEP);
          await change(expected);
          const cleaned = await place.clean(id, from, to);
          assert.deepEqual([cleaned.outcome, cleaned.counts.cleaned], ['complete', 20]);
          assert.equal((await place.clean(id, from, to)).outcome, 'complete');
          assert.equal((await getStatus(place.db, id)).task.state, 'complete');
          assert.deepEqual(await problemsThrough(place.db, to, expected), []);
          assert.deepEqual(await listUrls(from.driver), []);
        });
      }

      test('goes on where its first document was rewritten by its owner just after a kill', async () => {
        const expected = await seed(place.db, from, 10);
        await assert.rejects(place.migrate(from, to, {}, { faults: killedAt('clean.after-canary-delete') }), Killed);
        await place.put(to, 0, '{"document": "newer"}', expected);
        const result = await place.migrate(from, to);
        assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', 10]);
        assert.deepEqual(await problemsThrough(place.db, to, expected), []);
        assert.deepEqual(await listUrls(from.driver), []);
      });

      test('is refused where the source has become the current store again under the same URLs', async () => {
        const one = await place.openStore('one');
        const other = await place.openStore('other');
        const expected = await seed(place.db, one, 20);
        const there = await place.migrate(one, other, KEEP);
        const back = await place.migrate(other, one, KEEP);
        assert.deepEqual([there.outcome, back.outcome], ['complete', 'complete']);
        await assert.rejects(place.clean(there.id, one, other), {
          code: 'refused.not-clean',
          message: /has brought the archive to/,
        });
        assert.equal((await getStatus(place.db, there.id)).record.phase, 'switched');
        assert.equal((await getStatus(place.db, back.id)).active, 'to');
        assert.deepEqual(await problemsThrough(place.db, one, expected), []);
      });
    });

    describe('rollback', () => {
      test('brings back a document that was rewritten at the destination, and may be repeated', async () => {
        const expected = await seed(place.db, from, 10);
        const { id } = await place.migrate(from, to, KEEP);
        await place.put(to, 4, '{"document": "newer"}', expected);
        for (let time = 1; time <= 2; time += 1) {
          assert.equal((await place.rollback(id, from, to)).outcome, 'complete');
          assert.equal((await getStatus(place.db, id)).record.phase, 'rolled-back');
          assert.deepEqual(await problemsThrough(place.db, from, expected), []);
        }
      });

      test('undoes a --nodelete migration after the same command was given again', async () => {
        const expected = await seed(place.db, db2, 10);
        const { id } = await place.migrate(db2, to, KEEP);
        const idle = await place.migrate(db2, to, KEEP);
        assert.deepEqual([idle.outcome, idle.counts.skipped], ['complete', 10]);
        assert.equal((await getStatus(place.db, idle.id)).active, 'to');
        assert.equal((await place.rollback(id, db2, to)).outcome, 'complete');
        assert.deepEqual(await problemsThrough(place.db, db2, expected), []);
      });

      test('that was killed after its switch is finished by the same command', async () => {
        const expected = await seed(place.db, db2, 10);
        const { id } = await place.migrate(db2, to, KEEP);
        const env = { faults: killedAt('switch.after-commit') };
        await assert.rejects(place.rollback(id, db2, to, { env }), Killed);
        const undoing = await place.getNewestMigration();
        assert.equal((await place.rollback(id, db2, to)).outcome, 'complete');
        assert.equal(await place.getNewestMigration(), undoing);
        const status = await getStatus(place.db, undoing);
        assert.deepEqual([status.task.state, status.task.endedAt !== null, status.active], ['complete', true, 'to']);
        assert.deepEqual(await problemsThrough(place.db, db2, expected), []);
      });

      test('undoes a --skip-failed migration; a precopy over its failures is refused', async () => {
        const expected = await seed(place.db, db2, 10);
        await place.db.query(`DELETE FROM object_storage WHERE key LIKE '%000003%'`);
        const { id, outcome } = await place.migrate(db2, to, { keepSource: true, skipFailed: true });
        assert.equal(outcome, 'failed-documents');
        await assert.rejects(place.precopy(db2, to), {
          code: 'refused.unfinished',
          message: /some of its documents failed/,
        });
        assert.equal((await place.rollback(id, db2, to)).outcome, 'complete');
        assert.equal((await getStatus(place.db, id)).record.phase, 'rolled-back');
        assert.equal((await problemsThrough(place.db, db2, expected)).length, 1, 'what was lost before is lost still');
      });

      test('that is ended half-way leaves what it replaced, and clean reports that for good', async () => {
        const expected = await seed(place.db, from, 10);
        const { id } = await place.migrate(from, to, KEEP);
        await place.put(to, 4, '{"document": "newer"}', expected);
        const env = { faults: killedAt('switch.before-update') };
        await assert.rejects(place.rollback(id, from, to, { env }), Killed);
        assert.equal((await place.rollback(await place.getNewestMigration(), to, from)).outcome, 'complete');
        const cleaned = await place.clean(id, from, to);
        assert.equal(cleaned.outcome, 'delete-problems');
        assert.deepEqual(
          cleaned.problems.map((problem) => problem.final),
          [true],
        );
        assert.deepEqual(await listUrls(from.driver), [from.driver.locate(keyOf(4))]);
        const status = await getStatus(place.db, id);
        assert.deepEqual([status.record.phase, status.task.state], ['cleaned', 'failed']);
        assert.equal((await place.clean(id, from, to)).outcome, 'delete-problems');
        place.spaces.find('from').delete(from.driver.locate(keyOf(4)));
        assert.equal((await place.clean(id, from, to)).outcome, 'complete');
        assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      });
    });

    describe('a precopy that was ended', () => {
      test('leaves copies that the next migration knows as ours', async () => {
        const expected = await seed(place.db, from, 5);
        const { id } = await place.precopy(from, to);
        assert.equal((await place.rollback(id, from, to)).outcome, 'complete');
        assert.equal((await listUrls(to.driver)).length, 5);
        await place.put(from, 1, '{"document": "changed"}', expected);
        assert.equal((await place.migrate(from, to)).outcome, 'complete');
        assert.deepEqual(await problemsThrough(place.db, to, expected), []);
        // By now the archive uses them: nothing of it goes.
        assert.equal((await place.rollback(id, from, to, { deleteCopies: true })).outcome, 'complete');
        assert.equal((await listUrls(to.driver)).length, 5);
        await assert.rejects(place.rollback(id, from, to), { code: 'refused.cannot-roll-back' });
        assert.deepEqual(await problemsThrough(place.db, to, expected), []);
      });

      test('takes its copies along with --delete-copies, where both stores have the same URLs', async () => {
        const one = await place.openStore('one');
        const other = await place.openStore('other');
        const expected = await seed(place.db, one, 5);
        const { id } = await place.precopy(one, other);
        assert.equal((await place.rollback(id, one, other, { deleteCopies: true })).outcome, 'complete');
        assert.deepEqual(await listUrls(other.driver), []);
        assert.deepEqual(await problemsThrough(place.db, one, expected), []);
      });

      test('and whose --delete-copies was killed half-way is copied anew', async () => {
        const expected = await seed(place.db, from, 40);
        const { id } = await place.precopy(from, db2);
        let deletes = 0;
        const dying = withOperations(db2.driver, {
          delete: async (...call) => {
            if (++deletes === 3) throw new Killed('in a delete');
            return db2.driver.delete(...call);
          },
        });
        await assert.rejects(place.rollback(id, from, { ...db2, driver: dying }, { deleteCopies: true }), Killed);
        assert.ok((await listUrls(db2.driver)).length < 40);
        assert.equal((await place.migrate(from, db2)).outcome, 'complete');
        assert.deepEqual(await problemsThrough(place.db, db2, expected), []);
        assert.deepEqual(await listUrls(from.driver), []);
      });
    });

    test('rows that name the destination under another name stay readable: its objects are left and reported', async () => {
      const expected = await seed(place.db, from, 10);
      const plain = { ...to, codec: PLAIN };
      for (const index of [100, 101, 102]) await place.put(plain, index, `{"document": "old ${index}"}`, expected);
      await place.db.query(
        `UPDATE archive_metadata SET content_url = replace(content_url, 'memory://b/', 'memory://old/')`,
      );
      // As with a bind mount, or swift and s3 on one cluster: what the source calls `old/` is the destination's `b/`.
      const isOld = (ref: ObjectRef): boolean => ref.url.startsWith('memory://old/');
      const rename = (ref: ObjectRef): ObjectRef => ({ ...ref, url: ref.url.replace('memory://old/', 'memory://b/') });
      const driverOf = (ref: ObjectRef) => (isOld(ref) ? to.driver : from.driver);
      const aliased = withOperations(from.driver, {
        get: (ref, signal) => driverOf(ref).get(rename(ref), signal),
        head: (ref, signal) => driverOf(ref).head(rename(ref), signal),
        delete: async (items: readonly DeleteItem[], signal) =>
          (
            await Promise.all(
              items.map((item) => driverOf(item.ref).delete([{ ...item, ref: rename(item.ref) }], signal)),
            )
          ).flat(),
      });
      const source = { ...from, driver: aliased };
      assert.deepEqual(await problemsThrough(place.db, source, expected), []);
      const result = await place.migrate(source, plain);
      assert.equal(result.outcome, 'delete-problems');
      assert.deepEqual(
        result.problems.map((problem) => problem.final),
        [true, true, true],
      );
      assert.deepEqual(await problemsThrough(place.db, plain, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });

    test('the same with files, through a symbolic link beside the root', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'test-regressions-'));
      try {
        for (const name of ['from', 'to']) await mkdir(join(folder, name));
        await symlink(join(folder, 'to'), join(folder, 'old'));
        const open = async (name: string): Promise<Store> => {
          const options = {
            archiveDataDir: join(folder, name),
            owner: undefined,
            fileMode: undefined,
            folderMode: undefined,
          };
          return storeOf(await openDriver({ name: 'localfs', options }, { environment: {} }));
        };
        const source = await open('from');
        const destination = await open('to');
        const expected = await seed(place.db, source, 8);
        for (const index of [100, 101, 102])
          await place.put(destination, index, `{"document": "old ${index}"}`, expected);
        await place.db.query(`UPDATE archive_metadata SET content_url = replace(content_url, '/to/', '/old/')`);
        const result = await place.migrate(source, destination, { force: true }); // the temporary folder may be in memory
        assert.equal(result.counts.cleaned, 11);
        assert.deepEqual(await problemsThrough(place.db, destination, expected), []);
        assert.deepEqual(await listUrls(source.driver), []);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });

    test('the table of tasks says at every commit what the journal says', async () => {
      const expected = await seed(place.db, from, 30);
      await place.db.query('UPDATE archive_metadata SET content_url = NULL WHERE "archiveId" = $1', [
        keyOf(1).archiveId,
      ]);
      const vanishing = withOperations(from.driver, {
        get: async (ref, signal) => {
          if (ref.key.archiveId === keyOf(2).archiveId) await place.remove(from, 2, expected);
          return from.driver.get(ref, signal);
        },
      });
      const seen = new Map<string, unknown>();
      const faults: FaultPoints = {
        reach: async (point) => {
          // Within a transaction the embedded database, which has one session, cannot be asked.
          if (point.includes('before-')) return;
          const { rows } = await place.db.query<{ told: string; true: string }>(
            `SELECT t.archive_documents_to_migrate || ', ' || t.archive_documents_migrated AS told,
                    count(d.seq) FILTER (WHERE d.state NOT IN ('skipped', 'dropped')) || ', ' ||
                    count(d.seq) FILTER (WHERE d.state IN ('switched', 'cleaning', 'cleaned')
                                            OR d.state = 'copied' AND m.unmarked) AS true
               FROM archive_migration_tasks t LEFT JOIN archive_mover_migration m ON m.id = t.id
                    LEFT JOIN archive_mover_document d ON d.migration_id = t.id
              GROUP BY t.id, t.archive_documents_to_migrate, t.archive_documents_migrated`,
          );
          seen.set(point, rows[0]);
          assert.equal(rows[0]?.told, rows[0]?.true, point);
        },
      };
      const result = await place.migrate({ ...from, driver: vanishing }, to, {}, { faults });
      assert.deepEqual([result.outcome, result.counts.cleaned, result.counts.dropped], ['complete', 28, 1]);
      const expectedPoints = FAULT_POINTS.filter((point) => !point.includes('before-'));
      assert.deepEqual([...seen.keys()].toSorted(), expectedPoints.toSorted());
      assert.deepEqual(seen.get('clean.after-record'), { told: '28, 28', true: '28, 28' });
    });
  });
}
