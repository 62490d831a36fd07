import type { Store } from '../archive/store.ts';
import type { Driver } from '../drivers/contract.ts';
import { AppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import { findTables } from '../database/schema/schema-changes.ts';
import { findCurrentStore, refuseUnlessCurrent } from '../migration/current-store.ts';
import { isLockHeld } from '../migration/lock.ts';
import { findUnfinished, type MigrationRecord } from '../migration/migration-store.ts';
import { archivePredicate, inScopeSql, planScope, scopeParameters } from '../migration/scope.ts';

/** What the guards found that does not keep a service from starting, for the log. */
export interface GuardReport {
  readonly warnings: readonly string[];
}

interface Elsewhere {
  readonly scheme: string;
  readonly count: number;
  readonly example: string;
}

const JOURNAL_TABLES = ['archive_mover_current_store', 'archive_mover_migration', 'archive_mover_document'];

/**
 * Rows whose URL this driver does not read, by scheme; those that a finished switch to this driver has listed as exceptions
 * apart. A separate archive of analyses is not this one's business.
 */
const findElsewhere = async (
  db: Database,
  driver: Driver,
  withJournal: boolean,
  hasAnalysisArchive: boolean,
): Promise<{ readonly unknown: readonly Elsewhere[]; readonly listed: readonly Elsewhere[] }> => {
  const scope = planScope(driver, hasAnalysisArchive ? 'object-store-beside-analysis-archive' : 'object-store', []);
  const listed = withJournal
    ? `EXISTS (SELECT 1 FROM archive_mover_document d JOIN archive_mover_migration j ON j.id = d.migration_id
                WHERE d.bucket = m.bucket AND d.archive_id = m."archiveId" AND d.user_id = m."userId"
                  AND d.document_name = m."documentName" AND d.src_url = m.content_url
                  AND d.state IN ('failed', 'skipped') AND j.switched_at IS NOT NULL AND j.phase <> 'rolled-back'
                  AND j.to_driver = $5)`
    : 'false AND $5::text IS NULL';
  const { rows } = await db.query<Elsewhere & { listed: boolean }>(
    `SELECT r.scheme, r.listed, count(*) AS count, min(r.content_url) AS example FROM (
       SELECT m.content_url, split_part(m.content_url, '://', 1) AS scheme, ${listed} AS listed
         FROM archive_metadata m
        WHERE m.content_url IS NOT NULL AND ${archivePredicate(1)} AND NOT ${inScopeSql(3)}) r
      GROUP BY r.scheme, r.listed ORDER BY r.scheme`,
    [...scopeParameters(scope), driver.name],
  );
  return { unknown: rows.filter((row) => !row.listed), listed: rows.filter((row) => row.listed) };
};

const DRIVER_OF_SCHEME: Readonly<Record<string, string>> = { file: 'localfs' };

const describeRows = (rows: readonly Elsewhere[]): string =>
  rows
    .map(({ count, scheme, example }) => `${count} in ${DRIVER_OF_SCHEME[scheme] ?? scheme} (such as ${example})`)
    .join(', ');

const sum = (rows: readonly Elsewhere[]): number => rows.reduce((total, { count }) => total + count, 0);

/** A run that copies while services run (precopy) is none of their business; any other needs them stopped. */
const refuseWhileMigrating = async (db: Database, unfinished: MigrationRecord | undefined): Promise<void> => {
  if (!(await isLockHeld(db))) return;
  const { rows } = await db.query<{ online: boolean }>(
    `SELECT coalesce(a.online_migration, false) AS online FROM archive_migration_tasks a JOIN tasks t ON t.id = a.id
      WHERE t.state = 'running' ORDER BY t.id DESC LIMIT 1`,
  );
  const [run] = rows;
  if (run?.online === true && (unfinished === undefined || unfinished.phase === 'copying')) return;
  const which = unfinished === undefined ? 'a migration' : `migration ${unfinished.id} (${unfinished.phase})`;
  throw new AppError('refused.migration-running', `${which} is running and needs the services stopped`);
};

const remedyOf = (
  driver: Driver,
  rows: readonly Elsewhere[],
  current: { readonly description: string; readonly migrationId: number } | undefined,
  config: string | undefined,
): string => {
  const file = config ?? 'the configuration';
  if (current !== undefined)
    return (
      `Set services.catalog.object_store (or archive) of ${file} to ${current.description}, as it is in the TO ` +
      `configuration of migration ${current.migrationId}.`
    );
  const names = rows.map(({ scheme }) => DRIVER_OF_SCHEME[scheme] ?? scheme).join(' or ');
  return `Set services.catalog.object_store (or archive) of ${file} to the ${names} store that holds them, not ${driver.name}; or migrate them.`;
};

/**
 * Compares the configured driver with where the documents are, before its store is touched. Throws
 * `refused.unreadable-documents` and `refused.migration-running`; exceptions that a migration has listed only give warnings.
 */
export const guardStart = async (
  db: Database,
  driver: Driver,
  options: { readonly config: string | undefined; readonly hasAnalysisArchive: boolean },
): Promise<GuardReport> => {
  const present = await findTables(db, JOURNAL_TABLES);
  const withJournal = present.size === JOURNAL_TABLES.length;
  const unfinished = withJournal ? await findUnfinished(db) : undefined;
  await refuseWhileMigrating(db, unfinished);
  const current = withJournal ? await findCurrentStore(db) : undefined;
  const { unknown, listed } = await findElsewhere(db, driver, withJournal, options.hasAnalysisArchive);
  if (unknown.length > 0) {
    const moved =
      current === undefined ? '' : `; since migration ${current.migrationId} the archive is in ${current.description}`;
    throw new AppError(
      'refused.unreadable-documents',
      `${sum(unknown)} documents cannot be read with the configured driver ${driver.name}: ${describeRows(unknown)}${moved}`,
      { remedy: remedyOf(driver, unknown, current, options.config) },
    );
  }
  const warnings: string[] = [];
  if (listed.length > 0)
    warnings.push(`${sum(listed)} documents cannot be read, as a migration has listed: ${describeRows(listed)}`);
  if (unfinished !== undefined && unfinished.pause !== 'precopied')
    warnings.push(
      `migration ${unfinished.id} (${unfinished.phase}) is unfinished: see show-migration ${unfinished.id}`,
    );
  return { warnings };
};

/** Throws `refused.not-current` where the store has the URLs of the current one, but is another. */
export const guardStore = async (db: Database, store: Store): Promise<void> => {
  if ((await findTables(db, JOURNAL_TABLES)).size === JOURNAL_TABLES.length) await refuseUnlessCurrent(db, store);
};
