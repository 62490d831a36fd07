import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Store } from '../../src/archive/store.ts';
import { inspectStoreFit } from '../../src/migration/archive-fit.ts';
import type { MigrationResult } from '../../src/migration/finish.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import type { MigrateRequest } from '../../src/migration/requests.ts';
import { rollback } from '../../src/migration/rollback.ts';
import type { ArchiveScope } from '../../src/migration/scope.ts';
import { getStatus } from '../../src/migration/status.ts';
import { findOtherCurrentStore, verifyArchive, type VerifyResult } from '../../src/migration/verify.ts';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { environmentOf, listUrls, seed, sideOf } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const ANALYSES = 'analysis-archive';
const ORDINARY = 'object-store-beside-analysis-archive';
const WHOLE = 'object-store';
const BUCKET = 'analysis_archive';
const KEEP = { keepSource: true };
const NOT_CURRENT = { code: 'refused.not-current' };

/** Documents and analyses are migrated apart: what the switch of one of them records says nothing of the other. */
for (const kind of DATABASE_KINDS) {
  describe(`two archives, on ${kind}`, () => {
    let opened: OpenTestDatabase;
    let place: MemoryPlace;

    before(async () => {
      opened = await openTestDatabase(kind);
      await ensureTables(opened.db);
    });
    after(() => opened[Symbol.asyncDispose]());
    beforeEach(async () => {
      place = await MemoryPlace.open(opened.db);
    });

    /** `archive`: that of FROM, which says which documents move. */
    const move = (
      archive: ArchiveScope,
      from: Store,
      to: Store,
      options: Partial<MigrateRequest> = KEEP,
    ): Promise<MigrationResult> =>
      place.migrate(from, to, { ...options, from: { ...sideOf(from, 'config'), archive } });
    const undo = (id: number, from: Store, to: Store): Promise<MigrationResult> => {
      const sides = { from: sideOf(from, 'config'), to: sideOf(to, 'dest-config') };
      return rollback(environmentOf(place.db), { id, ...sides, deleteCopies: false, force: false });
    };
    const verify = (archive: ArchiveScope, store: Store): Promise<VerifyResult> => {
      const { signal } = environmentOf(place.db);
      return verifyArchive(place.db, { store, archive, sample: undefined, report: () => undefined, signal });
    };
    /** That a service with this store may start: undefined, or why not. */
    const refusalOf = async (archive: ArchiveScope, store: Store): Promise<string | undefined> => {
      const { signal } = environmentOf(place.db);
      const findings = await inspectStoreFit(place.db, store, { archive, config: 'config.yaml' }, signal);
      return findings.flatMap((finding) => (finding.severity === 'refuse' ? [finding.error.code] : []))[0];
    };
    /** Where the record says that each archive is. */
    const listCurrent = async (): Promise<Record<string, number>> => {
      const { rows } = await place.db.query<{ archive: string; id: number }>(
        'SELECT archive, migration_id AS id FROM archive_mover_current_store ORDER BY archive DESC',
      );
      return Object.fromEntries(rows.map(({ archive, id }) => [archive, id]));
    };

    describe('each with stores of identical URLs', () => {
      let documents: readonly [Store, Store, Store];
      let analyses: readonly [Store, Store, Store];
      /** Documents to their second store, analyses to theirs, documents to their third. */
      let moved: readonly [MigrationResult, MigrationResult, MigrationResult];

      beforeEach(async () => {
        const open = (name: string): Promise<Store> => place.openStore(name);
        documents = [await open('documents-1'), await open('documents-2'), await open('documents-3')];
        analyses = [await open('analyses-1'), await open('analyses-2'), await open('analyses-3')];
        await seed(place.db, documents[0], 12);
        await seed(place.db, analyses[0], 7, BUCKET);
        moved = [
          await move(ORDINARY, documents[0], documents[1]),
          await move(ANALYSES, analyses[0], analyses[1]),
          await move(ORDINARY, documents[1], documents[2]),
        ];
      });

      test('moves from its own current store, and from no other', async () => {
        assert.deepEqual(
          moved.map(({ outcome, counts }) => [outcome, counts.switched]),
          [
            ['complete', 12],
            ['complete', 7],
            ['complete', 12],
          ],
        );
        assert.deepEqual(await listCurrent(), { 'object-store': moved[2].id, 'analysis-archive': moved[1].id });
        for (const store of [documents[0], documents[1], analyses[1]])
          await assert.rejects(move(ORDINARY, store, place.db2), NOT_CURRENT);
        for (const store of [analyses[0], documents[2]])
          await assert.rejects(move(ANALYSES, store, place.db2), NOT_CURRENT);
        assert.equal((await move(ANALYSES, analyses[1], analyses[2])).counts.switched, 7);
        assert.equal((await move(ORDINARY, documents[2], place.db2)).counts.switched, 12);
        assert.deepEqual(
          [(await verify(ORDINARY, place.db2)).wrong, (await verify(ANALYSES, analyses[2])).wrong],
          [0, 0],
        );
      });

      test('without a section for analyses a configuration has to name the current store of both', async () => {
        await assert.rejects(move(WHOLE, documents[2], place.db2), {
          ...NOT_CURRENT,
          message: /^the archive of analyses/,
        });
        assert.equal((await move(ANALYSES, analyses[1], documents[2])).counts.switched, 7);
        const whole = await move(WHOLE, documents[2], documents[0]);
        assert.equal(whole.outcome, 'complete');
        assert.deepEqual(await listCurrent(), { 'object-store': whole.id, 'analysis-archive': whole.id });
        await assert.rejects(move(ANALYSES, analyses[1], place.db2), NOT_CURRENT);
        assert.equal((await verify(WHOLE, documents[0])).wrong, 0);
      });

      test('is cleaned and undone whatever the other has done since', async () => {
        const undone = await move(ANALYSES, analyses[1], analyses[2]);
        assert.equal((await undo(moved[2].id, documents[1], documents[2])).outcome, 'complete');
        assert.equal((await undo(undone.id, analyses[1], analyses[2])).outcome, 'complete');
        assert.deepEqual((await place.clean(moved[0].id, documents[0], documents[1])).outcome, 'complete');
        assert.deepEqual((await place.clean(moved[1].id, analyses[0], analyses[1])).outcome, 'complete');
        assert.deepEqual([await listUrls(documents[0].driver), await listUrls(analyses[0].driver)], [[], []]);
        assert.equal((await verify(ORDINARY, documents[1])).wrong, 0);
        assert.equal((await verify(ANALYSES, analyses[1])).wrong, 0);
      });

      test('has a status of its own, and a warning of its own', async () => {
        const active = await Promise.all(moved.map(async ({ id }) => (await getStatus(place.db, id)).active));
        assert.deepEqual(active, ['elsewhere', 'to', 'to']);
        const other = async (archive: ArchiveScope, store: Store): Promise<string | undefined> =>
          (await findOtherCurrentStore(place.db, store, archive))?.description;
        assert.equal(await other(ORDINARY, documents[2]), undefined);
        assert.equal(await other(ANALYSES, analyses[1]), undefined);
        assert.equal(await other(ORDINARY, documents[0]), documents[2].identity.description);
        assert.equal(await other(ANALYSES, analyses[0]), analyses[1].identity.description);
        assert.equal(await other(WHOLE, documents[2]), analyses[1].identity.description);
      });

      test('lets services start with its own current store alone', async () => {
        for (const [archive, stores] of [
          [ORDINARY, documents],
          [ANALYSES, analyses],
        ] as const) {
          const current = archive === ORDINARY ? 2 : 1;
          for (const [index, store] of stores.slice(0, current + 1).entries())
            assert.equal(await refusalOf(archive, store), index === current ? undefined : 'refused.not-current');
        }
      });
    });

    test('exceptions that one has listed stay known when the other moves', async () => {
      await seed(place.db, place.db2, 10);
      await seed(place.db, place.from, 3, BUCKET);
      await place.db.query(`DELETE FROM object_storage WHERE key LIKE '%000003%'`);
      const { outcome } = await move(ORDINARY, place.db2, place.to, { ...KEEP, skipFailed: true });
      assert.equal(outcome, 'failed-documents');
      await move(ANALYSES, place.from, await place.openStore('analyses', 'c/'));
      const { known, wrong } = await verify(ORDINARY, place.to);
      assert.deepEqual([known, wrong], [1, 0]);
    });

    test('an archive without a document goes by its configuration, whatever the other one has', async () => {
      await seed(place.db, place.db2, 3);
      const { id } = await move(ANALYSES, place.from, place.to);
      assert.deepEqual(await listCurrent(), { 'analysis-archive': id });
      assert.equal(await refusalOf(ANALYSES, place.from), 'refused.not-current');
      assert.equal(await refusalOf(ANALYSES, place.to), undefined);
    });

    describe('from one section to the other', () => {
      test('analyses that have gone to the store of the others come back alone', async () => {
        await seed(place.db, place.to, 5);
        await seed(place.db, place.from, 4, BUCKET);
        const merged = await move(ANALYSES, place.from, place.to);
        assert.deepEqual(await listCurrent(), { 'analysis-archive': merged.id });
        assert.equal(await refusalOf(WHOLE, place.to), undefined);
        assert.equal(await refusalOf(ANALYSES, place.from), 'refused.not-current');
        const back = await undo(merged.id, place.from, place.to);
        assert.deepEqual([back.outcome, back.counts.switched], ['complete', 4]);
        assert.deepEqual(await listCurrent(), { 'analysis-archive': back.id });
        assert.equal((await verify(ORDINARY, place.to)).wrong, 0);
        assert.equal((await verify(ANALYSES, place.from)).wrong, 0);
        assert.equal((await listUrls(place.from.driver)).length, 4, 'the others have stayed where they were');
      });

      test('analyses that have got a store of their own have left the one that the others are in', async () => {
        await seed(place.db, place.db2, 5);
        await seed(place.db, place.db2, 4, BUCKET);
        const whole = await move(WHOLE, place.db2, place.to);
        const apart = await move(ANALYSES, place.to, place.from);
        assert.deepEqual(await listCurrent(), { 'object-store': whole.id, 'analysis-archive': apart.id });
        assert.equal(await refusalOf(ORDINARY, place.to), undefined);
        assert.equal(await refusalOf(ANALYSES, place.from), undefined);
        // Without a section for analyses, a service would go on to write them where they have been.
        assert.equal(await refusalOf(WHOLE, place.to), 'refused.not-current');
        await assert.rejects(undo(whole.id, place.db2, place.to), { code: 'refused.cannot-roll-back' });
        await place.db.query('DELETE FROM archive_metadata WHERE bucket = $1', [BUCKET]);
        assert.equal(await refusalOf(WHOLE, place.to), undefined);
      });

      test('a store that only the others have left may become that of analyses', async () => {
        await seed(place.db, place.db2, 5);
        await move(WHOLE, place.db2, place.to);
        assert.equal(await refusalOf(WHOLE, place.db2), 'refused.not-current');
        assert.equal(await refusalOf(ANALYSES, place.db2), undefined);
      });
    });
  });
}
