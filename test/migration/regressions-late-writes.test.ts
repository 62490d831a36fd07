import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { payloadOf } from '../../src/archive/payload.ts';
import type { FaultPoints } from '../../src/migration/fault-points.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { atPoint, keyOf, Killed, killedAt, problemsThrough, seed } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const OLD = '"old"';
const LATE = '"late"';

/** A write that was to replace lands over whatever stands there, also at a store whose creates are conditional (rule R9). */
describe('a write that was to replace, and that lands late', () => {
  let opened: OpenTestDatabase;
  let place: MemoryPlace;
  let expected: Map<string, string>;

  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());

  /** A document has been copied; then it was changed, and the process died while the change was on its way. */
  beforeEach(async () => {
    place = await MemoryPlace.open(opened.db);
    const { db, from, to } = place;
    expected = await seed(db, from, 3);
    await place.put(from, 1, OLD, expected);
    assert.equal((await place.precopy(from, to)).outcome, 'precopied');
    await place.put(from, 1, LATE, expected);
    await assert.rejects(place.precopy(from, to, { faults: killedAt('copy.after-intent') }), Killed);
  });

  /** It lands once the next run has copied. */
  const landing = (): FaultPoints =>
    atPoint('copy.after-record', () =>
      place.to.driver.put(keyOf(1), payloadOf(Buffer.from(LATE)), { mode: 'replace' }),
    );

  const migrate = async (): Promise<void> => {
    const { db, from, to } = place;
    assert.equal((await place.migrate(from, to, {}, { faults: landing() })).outcome, 'complete');
    assert.deepEqual(await problemsThrough(db, to, expected), []);
  };

  test('is found where the document has become what it was, and nothing had to be written', async () => {
    await place.put(place.from, 1, OLD, expected);
    await migrate();
  });

  test('is found where the copy has been removed, and was created again', async () => {
    const { from, to } = place;
    await place.remove(from, 1, expected);
    assert.equal((await place.precopy(from, to)).outcome, 'precopied');
    await place.put(from, 1, OLD, expected);
    await migrate();
  });

  test('is found where its own intent was followed by another that was killed', async () => {
    const { from, to } = place;
    await place.remove(from, 1, expected);
    assert.equal((await place.precopy(from, to)).outcome, 'precopied');
    await place.put(from, 1, OLD, expected);
    await assert.rejects(place.precopy(from, to, { faults: killedAt('copy.after-intent') }), Killed);
    await migrate();
  });

  for (const deleteCopies of [true, false]) {
    test(`is found by the migration after the one that sent it, copies ${deleteCopies ? 'deleted' : 'kept'}`, async () => {
      const { from, to } = place;
      await place.rollback(await place.getOnlyMigration(), from, to, { deleteCopies });
      await place.put(from, 1, '"new"', expected);
      await migrate();
    });
  }
});
