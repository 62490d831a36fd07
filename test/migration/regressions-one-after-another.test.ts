import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { putDocument } from '../../src/archive/archive.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import { AppError } from '../../src/core/errors.ts';
import type { Driver, ObjectRef } from '../../src/drivers/contract.ts';
import { openLocalfsDriver } from '../../src/drivers/localfs/driver.ts';
import type { FaultPoints } from '../../src/migration/fault-points.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import {
  atPoint,
  environmentOf,
  keyOf,
  Killed,
  killedAt,
  listUrls,
  problemsThrough,
  requestOf,
  seed,
  storeOf,
  withOperations,
} from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

/** The same objects under URLs of another scheme, as Swift and S3 on one cluster give them. */
const aliasOf = (inner: Driver): Driver => {
  const there = (url: string): string => url.replace('memory://', 'alias://');
  const here = (ref: ObjectRef): ObjectRef => ({ ...ref, url: ref.url.replace('alias://', 'memory://') });
  return withOperations(inner, {
    locate: (key) => there(inner.locate(key)),
    recognises: (url) => url.startsWith('alias://'),
    identify: async () => ({ driver: 'memory', fingerprint: 'alias', namespace: 'alias', description: 'an alias' }),
    get: (ref, signal) => inner.get(here(ref), signal),
    head: (ref, signal) => inner.head(here(ref), signal),
    put: async (...args) => ({ ...(await inner.put(...args)), url: there(inner.locate(args[0])) }),
    delete: (items, signal) =>
      inner.delete(
        items.map((item) => ({ ...item, ref: here(item.ref) })),
        signal,
      ),
    list: async function* (signal) {
      for await (const object of inner.list(signal)) yield { ...object, url: there(object.url) };
    },
  });
};

describe('one migration after another', () => {
  let opened: OpenTestDatabase;
  let place: MemoryPlace;
  let folder: string;
  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());
  beforeEach(async () => {
    place = await MemoryPlace.open(opened.db);
    folder = await mkdtemp(join(tmpdir(), 'one-after-another-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const openFolder = async (name: string): Promise<Store> =>
    storeOf(
      await openLocalfsDriver({
        archiveDataDir: join(folder, name),
        owner: undefined,
        fileMode: undefined,
        folderMode: undefined,
      }),
    );

  const addBucket = async (store: Store, bucket: string, expected: Map<string, string>): Promise<void> => {
    for (const index of [50, 51, 52]) {
      const content = `"${bucket} ${index}"`;
      await putDocument(place.db, store, keyOf(index, bucket), Buffer.from(content));
      expected.set(keyOf(index).archiveId, createHash('sha256').update(content).digest('hex'));
    }
  };

  const opening = (store: Store) => ({
    openDestination: async () => ({ store, [Symbol.asyncDispose]: () => Promise.resolve() }),
  });

  const clean = (id: number, from: Store, to: Store, env = {}) =>
    migrate(environmentOf(place.db, env), requestOf(from, to), { online: false, id, cleanOnly: true });

  test('clean of an old one, whose source is where the archive is by now, under another name', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 12);
    const { id } = await place.migrate(from, to, { keepSource: true });
    const back = await storeOf(aliasOf(from.driver));
    assert.equal((await place.migrate(to, back)).outcome, 'complete');
    await assert.rejects(clean(id, from, to), { code: 'refused.not-clean', message: /cannot be told/ });
    await assert.rejects(clean(id, from, to, opening(back)), { code: 'refused.same-store' });
    await assert.rejects(clean(id, from, to, opening(to)), { code: 'refused.not-clean', message: /by now/ });
    assert.deepEqual(await problemsThrough(db, back, expected), []);
  });

  test('clean of an old one, after the archive has moved on to a third store', async () => {
    const { db, from, to, db2 } = place;
    const expected = await seed(db, from, 12);
    const { id } = await place.migrate(from, to, { keepSource: true });
    assert.equal((await place.migrate(to, db2)).outcome, 'complete');
    assert.equal((await clean(id, from, to, opening(db2))).outcome, 'complete');
    assert.deepEqual(await listUrls(from.driver), []);
    assert.deepEqual(await problemsThrough(db, db2, expected), []);
  });

  test('copies of an ended one stay where the archive is by now, named through a link', async () => {
    await mkdir(join(folder, 'b'));
    await symlink(join(folder, 'b'), join(folder, 'link'));
    const [b, link] = [await openFolder('b'), await openFolder('link')];
    const { db, from } = place;
    const expected = await seed(db, from, 5);
    await migrate(environmentOf(db), requestOf(from, b, { force: true }), { online: true });
    const ended = await place.getOnlyMigration();
    await place.rollback(ended, from, b);
    assert.equal((await place.migrate(from, link, { force: true })).outcome, 'complete');
    await assert.rejects(place.rollback(ended, from, b, { deleteCopies: true }), { code: 'refused.not-clean' });
    assert.deepEqual(await problemsThrough(db, link, expected), []);
  });

  test('precopy and migrate may name the destination by different paths', async () => {
    await mkdir(join(folder, 'b'));
    await symlink(join(folder, 'b'), join(folder, 'link'));
    const { db, from } = place;
    const expected = await seed(db, from, 5);
    await migrate(environmentOf(db), requestOf(from, await openFolder('b'), { force: true }), { online: true });
    await place.put(from, 1, '"changed"', expected);
    const link = await openFolder('link');
    assert.equal((await place.migrate(from, link, { force: true })).outcome, 'complete');
    assert.deepEqual(await problemsThrough(db, link, expected), []);
  });

  test('bucket by bucket to one store, then all of it to the next', async () => {
    const { db, from, to, db2 } = place;
    const expected = await seed(db, from, 4, 'x');
    await addBucket(from, 'y', expected);
    await place.migrate(from, db2, { buckets: ['x'] });
    await place.migrate(from, db2);
    const last = await place.migrate(db2, to);
    assert.deepEqual([last.outcome, last.counts.cleaned, last.skipped.size], ['complete', 7, 0]);
    assert.deepEqual(await problemsThrough(db, to, expected), []);
  });

  test('a straggler that the same command brought along, then all of it to the next', async () => {
    const { db, from, to, db2 } = place;
    const expected = await seed(db, from, 20);
    assert.equal((await place.migrate(from, db2)).outcome, 'complete');
    await place.put(from, 30, '"by an old node"', expected);
    assert.equal((await place.migrate(from, db2)).outcome, 'complete');
    const last = await place.migrate(db2, to);
    assert.deepEqual([last.outcome, last.counts.cleaned], ['complete', 21]);
    assert.deepEqual(await problemsThrough(db, to, expected), []);
  });

  test('what --bucket left in a folder, which the next source reads as well, moves on', async () => {
    await mkdir(join(folder, 'a'));
    await mkdir(join(folder, 'b'));
    const [a, b] = [await openFolder('a'), await openFolder('b')];
    const expected = await seed(place.db, a, 4, 'x');
    await addBucket(a, 'y', expected);
    const options = { keepSource: true, force: true };
    assert.equal((await place.migrate(a, b, { ...options, buckets: ['x'] })).outcome, 'stranded');
    const next = await place.migrate(b, place.to, options);
    assert.deepEqual([next.outcome, next.counts.switched], ['complete', 7]);
    assert.deepEqual(await problemsThrough(place.db, place.to, expected), []);
  });

  test('rollback of the second of two buckets says that the first stays at the destination', async () => {
    const { db, from, db2 } = place;
    const expected = await seed(db, from, 4, 'x');
    await addBucket(from, 'y', expected);
    await place.migrate(from, db2, { buckets: ['x'], keepSource: true });
    const second = await place.migrate(from, db2, { keepSource: true });
    const undone = await place.rollback(second.id, from, db2);
    assert.deepEqual([undone.outcome, Object.fromEntries(undone.skipped)], ['stranded', { 'skipped.not-undone': 4 }]);
    assert.equal((await problemsThrough(db, from, expected)).length, 4);
  });

  test('rollback after --skip-failed replaces what had failed, where a service has stored it anew', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 5);
    const flaky = withOperations(from.driver, {
      get: async (ref, signal) => {
        if (ref.key.archiveId === keyOf(1).archiveId) throw new AppError('store.failed', 'not now');
        return from.driver.get(ref, signal);
      },
    });
    const first = await place.migrate({ ...from, driver: flaky }, to, { skipFailed: true, keepSource: true });
    assert.equal(first.counts.failed, 1);
    await place.put(to, 1, '"by a service at the destination"', expected);
    assert.equal((await place.rollback(first.id, from, to)).outcome, 'complete');
    assert.deepEqual(await problemsThrough(db, from, expected), []);
  });

  test('rollback deletes what its owner has deleted in the meantime', async () => {
    const { db, from, to } = place;
    const expected = await seed(db, from, 5);
    const { id } = await place.migrate(from, to, { keepSource: true });
    await place.remove(to, 2, expected);
    assert.equal((await place.rollback(id, from, to)).outcome, 'complete');
    assert.deepEqual(await problemsThrough(db, from, expected), []);
    assert.ok(!(await listUrls(from.driver)).includes(from.driver.locate(keyOf(2))), 'its object is gone too');
  });

  describe('what could not be deleted is told', () => {
    const changing = (): FaultPoints =>
      atPoint('switch.after-commit', () =>
        place.from.driver.put(keyOf(3), payloadOf(Buffer.from('"else"')), { mode: 'replace' }),
      );

    test('by --move', async () => {
      await seed(place.db, place.from, 30);
      const result = await place.migrate(place.from, place.to, { move: true }, { faults: changing() });
      assert.deepEqual([result.outcome, result.problems.length], ['delete-problems', 1]);
    });

    test('after a kill behind it', async () => {
      await seed(place.db, place.from, 30);
      const [change, kill] = [changing(), killedAt('clean.after-record')];
      const faults: FaultPoints = {
        reach: async (point) => {
          await change.reach(point);
          await kill.reach(point);
        },
      };
      await assert.rejects(place.migrate(place.from, place.to, {}, { faults }), Killed);
      const result = await place.migrate(place.from, place.to);
      assert.deepEqual([result.outcome, result.problems.length], ['delete-problems', 1]);
    });

    test('of a folder outside of the root, which may not be mounted', async () => {
      await mkdir(join(folder, 'old'));
      await mkdir(join(folder, 'new'));
      const { db, to } = place;
      const expected = await seed(db, await openFolder('old'), 5);
      const from = await openFolder('new');
      const { id } = await place.migrate(from, to, { keepSource: true, force: true });
      await rename(join(folder, 'old'), join(folder, 'unmounted'));
      await mkdir(join(folder, 'old'));
      const cleaned = await clean(id, from, to, {});
      assert.deepEqual([cleaned.outcome, cleaned.problems.length], ['delete-problems', 5]);
      await rm(join(folder, 'old'), { recursive: true });
      await rename(join(folder, 'unmounted'), join(folder, 'old'));
      assert.equal((await clean(id, await openFolder('new'), to, {})).outcome, 'complete');
      assert.deepEqual(await listUrls((await openFolder('old')).driver), []);
      assert.deepEqual(await problemsThrough(db, to, expected), []);
    });
  });
});
