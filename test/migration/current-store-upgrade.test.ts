import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { ensureAnchoreTables } from '../../src/database/schema/anchore-tables.ts';
import { ensureOwnTables } from '../../src/database/schema/own-tables.ts';
import { findCurrentStores } from '../../src/migration/current-store.ts';
import { ensureTables, removeTables } from '../../src/migration/journal.ts';
import { JOURNAL_MIGRATIONS } from '../../src/migration/journal-schema.ts';
import { insertMigration, type StoreRecord } from '../../src/migration/migration-store.ts';
import type { ArchiveScope, Scope } from '../../src/migration/scope.ts';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { PLAIN } from './harness.ts';

/** The journal in which one migration of any archive replaced what another had recorded. */
const OF_ONE_ROW = JOURNAL_MIGRATIONS.slice(0, 4);
const BUCKET = 'analysis_archive';
const STORE: StoreRecord = {
  driver: 's3',
  fingerprint: 'f',
  namespace: 'n',
  description: 'd',
  config: '/config.yaml',
  codec: PLAIN,
};
const SCOPE: Scope = { scheme: 's3', buckets: null, foreignBuckets: [], ownBuckets: null };

for (const kind of DATABASE_KINDS) {
  describe(`the one current store of an earlier version, on ${kind}`, () => {
    let opened: OpenTestDatabase;

    before(async () => {
      opened = await openTestDatabase(kind);
      await ensureAnchoreTables(opened.db);
      await opened.db.query(
        `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName") VALUES ($1, 'a', 'u', 'a.json')`,
        [BUCKET],
      );
    });
    after(() => opened[Symbol.asyncDispose]());
    afterEach(async () => {
      await opened.db.query('UPDATE archive_mover_migration SET finished_at = now()');
      await removeTables(opened.db);
    });

    /** What an earlier version has left after the switch of a migration. */
    const leaveOld = async (scope: Partial<Scope>, moved: readonly string[], state = 'switched'): Promise<number> => {
      const { db } = opened;
      await ensureOwnTables(db, OF_ONE_ROW);
      return await db.transaction(async (tx) => {
        const migration = {
          kind: 'migrate',
          rollsBack: undefined,
          from: STORE,
          to: STORE,
          scope: { ...SCOPE, ...scope },
          identicalUrls: true,
          destinationWasEmpty: true,
          keepSource: false,
          move: false,
          toolVersion: '0',
        } as const;
        const id = await insertMigration(tx, migration, 'host:1:0:', false);
        for (const [index, bucket] of moved.entries()) {
          await tx.query(
            `INSERT INTO archive_mover_document (migration_id, seq, bucket, archive_id, user_id, document_name, state)
             VALUES ($1, $2, $3, 'a', 'u', 'a.json', $4)`,
            [id, index, bucket, state],
          );
        }
        await tx.query(
          `INSERT INTO archive_mover_current_store (migration_id, driver, fingerprint, namespace, description, sample_url)
           VALUES ($1, 's3', 'f', 'n', 'd', 's3://b/u/b/a')`,
          [id],
        );
        return id;
      });
    };
    const list = async (scope: ArchiveScope): Promise<readonly (readonly [string, number])[]> =>
      (await findCurrentStores(opened.db, scope)).map(({ archive, migrationId }) => [archive, migrationId] as const);
    const both = async (): Promise<readonly (readonly [string, number])[]> => [
      ...(await list('object-store-beside-analysis-archive')),
      ...(await list('analysis-archive')),
    ];

    test('belongs to the archive that its migration concerned, before the upgrade and after it', async () => {
      for (const [scope, archive] of [
        [{ foreignBuckets: [BUCKET] }, 'object-store'],
        [{ ownBuckets: [BUCKET] }, 'analysis-archive'],
      ] as const) {
        const id = await leaveOld(scope, [archive === 'object-store' ? 'policy_bundles' : BUCKET]);
        assert.deepEqual(await both(), [[archive, id]]);
        await ensureTables(opened.db);
        assert.deepEqual(await both(), [[archive, id]]);
        const [current] = await findCurrentStores(opened.db, 'object-store');
        assert.deepEqual(current, {
          archive,
          migrationId: id,
          driver: 's3',
          fingerprint: 'f',
          namespace: 'n',
          description: 'd',
          sampleUrl: 's3://b/u/b/a',
        });
        await opened.db.query('UPDATE archive_mover_migration SET finished_at = now()');
        await removeTables(opened.db);
      }
      await ensureTables(opened.db); // and where nothing was recorded nothing is
      assert.deepEqual(await both(), []);
    });

    test('belongs to both where its migration has moved analyses with the others', async () => {
      const id = await leaveOld({}, ['policy_bundles', BUCKET], 'cleaned');
      await ensureTables(opened.db);
      assert.deepEqual(await list('object-store'), [
        ['object-store', id],
        ['analysis-archive', id],
      ]);
    });

    test('belongs to the documents alone where analyses have stayed', async () => {
      const id = await leaveOld({}, ['policy_bundles', BUCKET], 'skipped');
      await ensureTables(opened.db);
      assert.deepEqual(await both(), [['object-store', id]]);
    });

    if (kind === 'postgres') {
      test('is brought over once, by one of several processes that start at once', async () => {
        const id = await leaveOld({ ownBuckets: [BUCKET] }, [BUCKET]);
        const target = parseConnectUrl(opened.url, { place: 'test', environment: {} });
        const databases = await Promise.all([1, 2, 3, 4].map(() => openDatabase(target)));
        try {
          const found = await Promise.all(databases.map((db) => ensureOwnTables(db, JOURNAL_MIGRATIONS)));
          assert.equal(found.filter((version) => version === OF_ONE_ROW.length).length >= 1, true);
          assert.deepEqual(await both(), [['analysis-archive', id]]);
          const { rows } = await opened.db.query<{ version: number }>(
            'SELECT version FROM archive_mover_schema ORDER BY version',
          );
          assert.deepEqual(
            rows.map(({ version }) => version),
            JOURNAL_MIGRATIONS.map((_, index) => index + 1),
          );
        } finally {
          await Promise.all(databases.map((db) => db[Symbol.asyncDispose]()));
        }
      });
    }
  });
}
