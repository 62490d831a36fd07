import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { putDocument } from '../../src/archive/archive.ts';
import type { Store } from '../../src/archive/store.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { type VerifyFinding, verifyArchive } from '../../src/migration/verify.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { keyOf, Killed, killedAt, seed, sideOf } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const KEEP = { keepSource: true };

/** Objects that no row names: those that a migration keeps are counted with what removes them, all others are reported. */
describe('verify: objects that no row names', () => {
  let opened: OpenTestDatabase;
  let place: MemoryPlace;
  let from: Store;
  let to: Store;

  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());
  beforeEach(async () => {
    place = await MemoryPlace.open(opened.db);
    ({ from, to } = place);
  });

  const verify = async (store: Store) => {
    const orphans: VerifyFinding[] = [];
    const result = await verifyArchive(place.db, {
      store,
      archive: 'object-store',
      sample: undefined,
      report: (finding) => void (finding.kind === 'orphan' && orphans.push(finding)),
      signal: new AbortController().signal,
    });
    assert.equal(result.orphans, orphans.length);
    return {
      orphans: orphans.map(({ subject, text }) => ({ subject, text })),
      kept: result.keptFor.map(({ migrationId, as, objects }) => ({ migrationId, as, objects })),
      texts: result.keptFor.map(({ text }) => text),
    };
  };

  /** A service deletes a document whose object it then cannot delete. */
  const deleteRow = (index: number) =>
    place.db.query('DELETE FROM archive_metadata WHERE "archiveId" = $1', [keyOf(index).archiveId]);

  const assertOrphan = async (store: Store, index: number, origin: RegExp): Promise<void> => {
    const { orphans, kept } = await verify(store);
    assert.deepEqual(kept, []);
    const [orphan, ...others] = orphans;
    assert.deepEqual([orphan?.subject, others], [store.driver.locate(keyOf(index)), []]);
    assert.match(orphan?.text ?? '', origin);
    assert.match(orphan?.text ?? '', /delete it with the store's own tools/);
  };

  test('an object that somebody else put there', async () => {
    await seed(place.db, from, 3);
    await from.driver.put(keyOf(7), payloadOf(Buffer.from('x')), { mode: 'replace' });
    await assertOrphan(from, 7, /no migration keeps it: nothing reads it/);
  });

  for (const [what, options] of [
    ['cleaned', {}],
    ['switched, its source kept', KEEP],
  ] as const) {
    test(`what a finished migration has written, ${what}, and a service could not delete, is an orphan`, async () => {
      await seed(place.db, from, 3);
      const { id } = await place.migrate(from, to, options);
      await deleteRow(1);
      await assertOrphan(to, 1, new RegExp(`migration ${id} wrote it`));
    });
  }

  test('the source is kept after --nodelete, until it is cleaned', async () => {
    await seed(place.db, from, 3);
    const { id } = await place.migrate(from, to, KEEP);
    const { orphans, kept, texts } = await verify(from);
    assert.deepEqual([orphans, kept], [[], [{ migrationId: id, as: 'source', objects: 3 }]]);
    assert.deepEqual(texts, [`the source of migration ${id}: rollback ${id} needs them, clean ${id} deletes them`]);
    await place.clean(id, from, to);
    assert.deepEqual((await verify(from)).kept, []);
  });

  test('the source is kept right after the switch, before its documents are marked', async () => {
    await seed(place.db, from, 3);
    await assert.rejects(place.migrate(from, to, {}, { faults: killedAt('switch.after-commit') }), Killed);
    const { orphans, kept } = await verify(from);
    assert.deepEqual([orphans, kept.map(({ as, objects }) => [as, objects])], [[], [['source', 3]]]);
  });

  test('what an interrupted cleaning has yet to delete is kept', async () => {
    await seed(place.db, from, 5);
    await assert.rejects(place.migrate(from, to, {}, { faults: killedAt('clean.after-intent') }), Killed);
    const { orphans, kept } = await verify(from);
    assert.deepEqual([orphans, kept.map(({ as }) => as)], [[], ['cleaning']]);
  });

  test('a document that comes to an old place again is no source any more, once its row is gone', async () => {
    await seed(place.db, from, 3);
    await place.migrate(from, to, KEEP);
    await place.migrate(to, from, KEEP);
    await deleteRow(1);
    const { orphans, kept } = await verify(from);
    assert.deepEqual([orphans.map(({ subject }) => subject), kept], [[from.driver.locate(keyOf(1))], []]);
  });

  test('the source is kept where only another archive comes to its store later', async () => {
    await seed(place.db, from, 3);
    const { id } = await place.migrate(from, to, {
      ...KEEP,
      from: { ...sideOf(from, 'config'), archive: 'object-store-beside-analysis-archive' },
    });
    await seed(place.db, place.db2, 2, 'analysis_archive');
    const analyses = { ...sideOf(place.db2, 'analyses'), archive: 'analysis-archive' } as const;
    await place.migrate(place.db2, from, { from: analyses });
    const { orphans, kept } = await verify(from);
    assert.deepEqual([orphans, kept], [[], [{ migrationId: id, as: 'source', objects: 3 }]]);
  });

  test('copies of an unfinished migration are kept', async () => {
    await seed(place.db, from, 3);
    const { id } = await place.precopy(from, to);
    const { orphans, kept } = await verify(to);
    assert.deepEqual([orphans, kept], [[], [{ migrationId: id, as: 'unfinished', objects: 3 }]]);
  });

  test('copies of a migration that was ended are kept, and go with --delete-copies', async () => {
    await seed(place.db, from, 3);
    const { id } = await place.precopy(from, to);
    await place.rollback(id, from, to);
    const { orphans, kept } = await verify(to);
    assert.deepEqual([orphans, kept], [[], [{ migrationId: id, as: 'ended', objects: 3 }]]);
    await place.rollback(id, from, to, { deleteCopies: true });
    assert.deepEqual((await verify(to)).kept, []);
  });

  test('copies of a migration that was rolled back are kept, and go with --delete-copies', async () => {
    await seed(place.db, from, 3);
    const { id } = await place.migrate(from, to, KEEP);
    await place.rollback(id, from, to);
    const { orphans, kept, texts } = await verify(to);
    assert.deepEqual([orphans, kept.map(({ as, objects }) => [as, objects])], [[], [['undone', 3]]]);
    assert.match(texts[0] ?? '', new RegExp(`: rollback ${id} --delete-copies deletes them`));
    await place.rollback(id, from, to, { deleteCopies: true });
    assert.deepEqual((await verify(to)).kept, []);
  });

  test('what lay at the destination before a migration that was rolled back is not kept by it', async () => {
    const same = Buffer.from('the same bytes');
    await putDocument(place.db, from, keyOf(1), same);
    await to.driver.put(keyOf(1), payloadOf(same), { mode: 'replace' });
    const { id } = await place.migrate(from, to, KEEP);
    await place.rollback(id, from, to);
    await assertOrphan(to, 1, /no migration keeps it/);
  });
});
