import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import { AppError } from '../../src/core/errors.ts';
import type { DeleteItem, Driver } from '../../src/drivers/contract.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { atPoint, environmentOf, keyOf, Killed, killedAt, problemsThrough, seed, withOperations } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

/** A request whose sender has given up takes effect later: a copy, a delete, the write of a document that failed (rule R9). */
describe('a request that lands late', () => {
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

  /** A store whose deletes are answered at the second try; the first is remembered, for it to land when it suits least. */
  const withSlowDeletes = (store: Store, late: DeleteItem[]): Store => ({
    ...store,
    driver: withOperations(store.driver, {
      delete: async (items, signal) => {
        if (items.some(({ ref }) => ref.key.userId === 'admin')) late.push(...items);
        const outcomes = await store.driver.delete(items, signal);
        return outcomes.map((each) => (each.outcome === 'failed' ? each : { ...each, attempts: 2 }));
      },
    }),
  });

  test('the delete of a copy, whose document has come again with the same bytes', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 3);
    const CONTENT = '"the same again"';
    await place.put(from, 1, CONTENT, expected);
    await place.precopy(from, to);
    await place.remove(from, 1, expected);
    const late: DeleteItem[] = [];
    await place.precopy(from, withSlowDeletes(to, late));
    assert.equal(late.length, 1);
    await place.put(from, 1, CONTENT, expected);
    const faults = atPoint('copy.after-record', () => to.driver.delete(late));
    assert.equal((await place.migrate(from, to, {}, { faults })).outcome, 'complete');
    assert.deepEqual(await problemsThrough(db, to, expected), []);
  });

  test('deletes of a source to which the archive has come back since', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 30);
    const late: DeleteItem[] = [];
    assert.equal((await place.migrate(withSlowDeletes(from, late), to)).outcome, 'complete');
    assert.equal(new Set(late.map(({ ref }) => ref.url)).size, 30);
    const faults = atPoint('copy.after-record', () => from.driver.delete(late));
    assert.equal((await place.migrate(to, from, {}, { faults })).outcome, 'complete');
    assert.deepEqual(await problemsThrough(db, from, expected), []);
  });

  test('deletes that were answered at once are not waited for', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 30);
    assert.equal((await place.migrate(from, to)).outcome, 'complete');
    const { settings } = environmentOf(db);
    const patient = { settings: { ...settings, quietPeriodMs: 60_000 } };
    const startedMs = performance.now();
    assert.equal((await place.migrate(to, from, {}, patient)).outcome, 'complete');
    assert.ok(performance.now() - startedMs < 30_000);
    assert.deepEqual(await problemsThrough(db, from, expected), []);
  });

  test('the write of a document that has failed, over what a service stored after the switch', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 3);
    const swiftLike: Store = {
      ...to,
      driver: withOperations(to.driver, {
        capabilities: { ...to.driver.capabilities, conditionalPut: false },
        put: async (key, payload, options) => {
          if (key.archiveId !== keyOf(1).archiveId) return to.driver.put(key, payload, options);
          void sleep(500).then(() => to.driver.put(key, payload, { mode: 'replace' }));
          throw new AppError('store.timeout', 'no answer');
        },
      }),
    };
    const { settings } = environmentOf(db);
    const result = await place.migrate(
      from,
      swiftLike,
      { skipFailed: true },
      { settings: { ...settings, quietPeriodMs: 1000 } },
    );
    assert.equal(result.counts.failed, 1);
    await place.put(to, 1, '"by a service"', expected);
    await sleep(800);
    assert.deepEqual(await problemsThrough(db, to, expected), []);
  });

  test('a copy that the store was to make by itself', async () => {
    const { db, from } = place;
    const other = await place.openStore('from', 'c/');
    const copyWithin: Driver['copyWithin'] = async (source, key, _expected, signal) => {
      const { chunks } = await from.driver.get(source, signal);
      const payload = payloadOf(Buffer.concat(await Array.fromAsync(chunks)));
      return other.driver.put(key, payload, { mode: 'replace' });
    };
    const to: Store = {
      ...other,
      driver: withOperations(other.driver, { copyWithin }),
      identity: { ...other.identity, fingerprint: 'another bucket of the same endpoint' },
    };
    const expected = await seed(db, from, 3);
    await place.put(from, 1, '"version 1"', expected);
    await assert.rejects(place.precopy(from, to, { faults: killedAt('copy.after-intent') }), Killed);
    await place.put(from, 1, '"version 2"', expected);
    const faults = atPoint('copy.after-record', () =>
      other.driver.put(keyOf(1), payloadOf(Buffer.from('"version 1"')), { mode: 'replace' }),
    );
    assert.equal((await place.migrate(from, to, {}, { faults })).outcome, 'complete');
    assert.deepEqual(await problemsThrough(db, to, expected), []);
  });

  test('a create without an answer, whose second try found that it had worked', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 3);
    await place.put(from, 1, '"version 1"', expected);
    const swiftLike: Store = {
      ...to,
      driver: withOperations(to.driver, {
        capabilities: { ...to.driver.capabilities, conditionalPut: false },
        put: async (key, payload, options) => {
          const receipt = await to.driver.put(key, payload, options);
          if (key.archiveId !== keyOf(1).archiveId || options.mode !== 'create') return receipt;
          throw new AppError('store.exists', 'there', { outcomeUnknown: true });
        },
      }),
    };
    await place.precopy(from, swiftLike);
    await place.put(from, 1, '"version 2"', expected);
    const faults = atPoint('copy.after-record', () =>
      to.driver.put(keyOf(1), payloadOf(Buffer.from('"version 1"')), { mode: 'replace' }),
    );
    assert.equal((await place.migrate(from, swiftLike, {}, { faults })).outcome, 'complete');
    assert.deepEqual(await problemsThrough(db, to, expected), []);
  });
});
