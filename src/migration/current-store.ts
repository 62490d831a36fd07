import type { Store } from '../archive/store.ts';
import { AppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import type { StoreIdentity } from '../drivers/contract.ts';
import { concernsSql, listArchives } from './archives.ts';
import type { MigrationRecord } from './migration-store.ts';
import { archiveName, archiveOf, type ArchiveName, type ArchiveScope, type Scope, sampleUrl } from './scope.ts';

/**
 * Which store the last switch of an archive made current. Rows alone cannot tell two stores apart whose URLs look alike
 * (rule R8). It goes by the documents, not by the section that names their store: analyses that have moved into the ordinary
 * section's store are in it as the archive of analyses.
 */
export interface CurrentStore extends StoreIdentity {
  readonly archive: ArchiveName;
  readonly migrationId: number;
  /** The URL that it gives to a sample document. */
  readonly sampleUrl: string;
}

interface Row {
  /** Absent in a journal that is not up to date. */
  archive?: ArchiveName;
  scope: Scope | null;
  migration_id: number;
  driver: StoreIdentity['driver'];
  fingerprint: string;
  namespace: string;
  description: string;
  sample_url: string;
}

/**
 * Those of the archives of which a configuration names the store: one, or two where analyses have no section of their own.
 * Also reads a journal that nobody has brought up to date yet, since what changes nothing (plan, verify) does not do it.
 */
export const findCurrentStores = async (db: Queryable, scope: ArchiveScope): Promise<readonly CurrentStore[]> => {
  const archives = await listArchives(db, scope);
  const { rows } = await db.query<Row>(
    'SELECT c.*, m.scope FROM archive_mover_current_store c LEFT JOIN archive_mover_migration m ON m.id = c.migration_id',
  );
  const stores = rows.map((row) => ({
    archive: row.archive ?? (row.scope === null ? 'object-store' : archiveName(archiveOf(row.scope))),
    migrationId: row.migration_id,
    driver: row.driver,
    fingerprint: row.fingerprint,
    namespace: row.namespace,
    description: row.description,
    sampleUrl: row.sample_url,
  }));
  return archives.flatMap((name) => stores.filter(({ archive }) => archive === name));
};

/** Recorded by the transaction that switches, so that it is true exactly when the rows are: of each archive that it moved. */
export const recordCurrentStore = async (tx: Queryable, { id }: MigrationRecord, store: Store): Promise<void> => {
  const { driver, fingerprint, namespace, description } = store.identity;
  await tx.query(
    `INSERT INTO archive_mover_current_store (archive, migration_id, driver, fingerprint, namespace, description, sample_url)
     SELECT a.name, m.id, $2, $3, $4, $5, $6
       FROM archive_mover_migration m, (VALUES ('object-store'), ('analysis-archive')) a (name)
      WHERE m.id = $1 AND ${concernsSql('a.name')}
     ON CONFLICT (archive) DO UPDATE SET migration_id = excluded.migration_id, driver = excluded.driver,
       fingerprint = excluded.fingerprint, namespace = excluded.namespace, description = excluded.description,
       sample_url = excluded.sample_url, since = now()`,
    [id, driver, fingerprint, namespace, description, sampleUrl(store.driver)],
  );
};

/**
 * Throws `refused.not-current` where a configuration gives documents the same URLs as the current store of their archive,
 * but is another store: other bytes, or none, are behind them.
 */
export const refuseUnlessCurrent = async (db: Queryable, store: Store, scope: ArchiveScope): Promise<void> => {
  const { driver, namespace, description } = store.identity;
  for (const current of await findCurrentStores(db, scope)) {
    if (current.sampleUrl !== sampleUrl(store.driver)) continue;
    if (current.driver === driver && current.namespace === namespace) continue;
    throw new AppError(
      'refused.not-current',
      `${describeArchive(current.archive)} is in ${current.description} since migration ${current.migrationId}, not in ${description}`,
    );
  }
};

/** For a person. The ordinary one is the archive: most have no other. */
export const describeArchive = (archive: ArchiveName): string =>
  archive === 'analysis-archive' ? 'the archive of analyses' : 'the archive';
