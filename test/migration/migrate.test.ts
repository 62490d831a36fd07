import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Store } from '../../src/archive/store.ts';
import { MemorySpaces, openMemoryDriver } from '../../src/drivers/memory/driver.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { rollback } from '../../src/migration/rollback.ts';
import { getStatus } from '../../src/migration/status.ts';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import {
  COMPRESSED,
  environmentOf,
  listUrls,
  PLAIN,
  problemsThrough,
  requestOf,
  seed,
  sideOf,
  storeOf,
} from './harness.ts';

for (const kind of DATABASE_KINDS) {
  describe(`migrate on ${kind}`, () => {
    let test_: OpenTestDatabase;
    let from: Store;
    let to: Store;
    before(async () => {
      test_ = await openTestDatabase(kind);
      await ensureTables(test_.db);
    });
    after(() => test_[Symbol.asyncDispose]());
    beforeEach(async () => {
      const spaces = new MemorySpaces();
      from = await storeOf(openMemoryDriver({ space: 'from', prefix: 'a/' }, spaces));
      to = await storeOf(openMemoryDriver({ space: 'to', prefix: 'b/' }, spaces), COMPRESSED);
      const { db } = test_;
      await db.query('DELETE FROM archive_metadata');
      await db.query('DELETE FROM archive_mover_migration');
      await db.query('DELETE FROM archive_mover_current_store');
    });

    test('moves every document, and leaves nothing at the source', async () => {
      const { db } = test_;
      const expected = await seed(db, from, 60);
      const env = environmentOf(db);
      const result = await migrate(env, requestOf(from, to), { online: false });
      assert.equal(result.outcome, 'complete');
      assert.equal(result.counts.cleaned, 60);
      assert.deepEqual(await problemsThrough(db, to, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
      assert.equal((await listUrls(to.driver)).length, 60);
      const status = await getStatus(db, result.id);
      assert.equal(status.task.state, 'complete');
      assert.equal(status.active, 'to');
    });

    test('keeps the source with --nodelete, and rolls back without copying', async () => {
      const { db } = test_;
      const expected = await seed(db, from, 25);
      const env = environmentOf(db);
      const result = await migrate(env, requestOf(from, to, { keepSource: true }), { online: false });
      assert.equal(result.outcome, 'complete');
      assert.equal((await listUrls(from.driver)).length, 25);
      assert.deepEqual(await problemsThrough(db, to, expected), []);
      const back = await rollback(env, {
        id: result.id,
        from: sideOf(from, 'config'),
        to: sideOf(to, 'dest-config'),
        deleteCopies: false,
        force: false,
      });
      assert.equal(back.outcome, 'complete');
      assert.deepEqual(await problemsThrough(db, from, expected), []);
      assert.equal((await listUrls(to.driver)).length, 25);
      assert.equal((await getStatus(db, result.id)).record.phase, 'rolled-back');
      await rollback(env, {
        id: result.id,
        from: sideOf(from, 'config'),
        to: sideOf(to, 'dest-config'),
        deleteCopies: true,
        force: false,
      });
      assert.deepEqual(await listUrls(to.driver), []);
      assert.deepEqual(await problemsThrough(db, from, expected), []);
    });

    test('has nothing to do in an empty archive', async () => {
      const result = await migrate(environmentOf(test_.db), requestOf(from, to), { online: false });
      assert.equal(result.outcome, 'complete');
      assert.equal((await getStatus(test_.db, result.id)).record.phase, 'cleaned');
    });

    test('moves batch by batch with --move', async () => {
      const { db } = test_;
      const expected = await seed(db, from, 45);
      const result = await migrate(environmentOf(db), requestOf(from, to, { move: true }), { online: false });
      assert.equal(result.outcome, 'complete');
      assert.deepEqual(await problemsThrough(db, to, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });
    void PLAIN;
  });
}
