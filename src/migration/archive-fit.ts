import type { Store } from '../archive/store.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import { findTables } from '../database/schema/schema-changes.ts';
import type { DocumentKey, Driver } from '../drivers/contract.ts';
import { concernsSql, listArchives } from './archives.ts';
import { describeArchive } from './current-store.ts';
import {
  archiveName,
  type ArchiveName,
  type ArchiveScope,
  archivePredicate,
  inScopeSql,
  planScope,
  scopeParameters,
} from './scope.ts';

/**
 * Whether a configuration fits where an archive is now: what a service is refused for when it starts, and what can be asked
 * beforehand for the files of all nodes.
 */
export type FitFinding =
  | { readonly severity: 'refuse'; readonly error: AppError }
  | { readonly severity: 'warn'; readonly text: string };

/** Which archive of which configuration is meant. */
export interface FitSubject {
  readonly archive: ArchiveScope;
  /** The file, as a person knows it; undefined where there is none. */
  readonly config: string | undefined;
}

/** Where the last switch of one archive has brought it. */
interface CurrentArchive {
  readonly archive: ArchiveName;
  readonly migrationId: number;
  readonly driver: string;
  readonly fingerprint: string;
  readonly description: string;
  /** The configuration file that names it, on the machine of the migration. */
  readonly config: string;
}

interface RowsElsewhere {
  readonly scheme: string;
  readonly count: number;
  readonly example: string;
}

const NEEDED_TABLES = ['archive_mover_migration', 'archive_mover_document'];

/** Documents that are looked for where nothing else tells whether a store is the right one. */
const LOOKED_FOR = 20;

const hasJournal = async (db: Queryable): Promise<boolean> =>
  (await findTables(db, NEEDED_TABLES)).size === NEEDED_TABLES.length;

/** SQL over `archive_mover_migration m`: those that have moved the archive $1. */
const HAS_MOVED = `m.switched_at IS NOT NULL AND ${concernsSql('$1')}`;

const findCurrent = async (db: Queryable, archive: ArchiveName): Promise<CurrentArchive | undefined> => {
  const { rows } = await db.query<Omit<CurrentArchive, 'migrationId' | 'archive'> & { id: number }>(
    `SELECT id, to_driver AS driver, to_fingerprint AS fingerprint, to_description AS description, to_config AS config
       FROM archive_mover_migration m WHERE ${HAS_MOVED} ORDER BY switched_at DESC, id DESC LIMIT 1`,
    [archive],
  );
  const [row] = rows;
  return row && { archive, migrationId: row.id, ...row };
};

/** Whether the journal knows a store as one in which the archive has been, or to which it has gone. */
const isJournalled = async (db: Queryable, archive: ArchiveName, fingerprint: string): Promise<boolean> =>
  (
    await db.query(
      `SELECT 1 FROM archive_mover_migration m
        WHERE ${HAS_MOVED} AND (from_fingerprint = $2 OR to_fingerprint = $2) LIMIT 1`,
      [archive, fingerprint],
    )
  ).count > 0;

const DRIVER_OF_SCHEME: Readonly<Record<string, string>> = { file: 'localfs' };

const driverOf = ({ scheme }: RowsElsewhere): string => DRIVER_OF_SCHEME[scheme] ?? scheme;

const describeRows = (rows: readonly RowsElsewhere[]): string =>
  rows.map((row) => `${row.count} in ${driverOf(row)} (such as ${row.example})`).join(', ');

const sum = (rows: readonly RowsElsewhere[]): number => rows.reduce((total, { count }) => total + count, 0);

const sectionOf = (subject: FitSubject, archive = archiveName(subject.archive)): string =>
  `services.catalog.${archive === 'analysis-archive' ? 'analysis_archive' : 'object_store (or archive)'} of ${subject.config ?? 'the configuration'}`;

const configureCurrent = (subject: FitSubject, current: CurrentArchive): string =>
  `Set ${sectionOf(subject, current.archive)} to ${current.description}, as it is in ${current.config}.`;

const describeMove = (current: CurrentArchive): string =>
  `since migration ${current.migrationId} ${describeArchive(current.archive)} is in ${current.description}`;

/**
 * SQL over `archive_metadata m`: a finished switch to a driver, given as SQL, has listed the row as an exception. Services
 * start in spite of such rows, as long as the journal is there to say so.
 */
export const listedExceptionSql = (driver: string): string =>
  `EXISTS (SELECT 1 FROM archive_mover_document d JOIN archive_mover_migration j ON j.id = d.migration_id
            WHERE d.bucket = m.bucket AND d.archive_id = m."archiveId" AND d.user_id = m."userId"
              AND d.document_name = m."documentName" AND d.src_url = m.content_url
              AND d.state IN ('failed', 'skipped') AND j.switched_at IS NOT NULL AND j.phase <> 'rolled-back'
              AND j.to_driver = ${driver})`;

/**
 * Rows of the archive whose URL this driver does not read, by scheme; those that a finished switch to this driver has listed
 * as exceptions apart.
 */
const findElsewhere = async (
  db: Queryable,
  driver: Driver,
  subject: FitSubject,
  withJournal: boolean,
): Promise<{ readonly unknown: readonly RowsElsewhere[]; readonly listed: readonly RowsElsewhere[] }> => {
  const scope = planScope(driver, subject.archive, []);
  const listed = withJournal ? listedExceptionSql('$5') : 'false AND $5::text IS NULL';
  const { rows } = await db.query<RowsElsewhere & { listed: boolean }>(
    `SELECT r.scheme, r.listed, count(*) AS count, min(r.content_url) AS example FROM (
       SELECT m.content_url, split_part(m.content_url, '://', 1) AS scheme, ${listed} AS listed
         FROM archive_metadata m
        WHERE m.content_url IS NOT NULL AND ${archivePredicate(1)} AND NOT ${inScopeSql(3)}) r
      GROUP BY r.scheme, r.listed ORDER BY r.scheme`,
    [...scopeParameters(scope), driver.name],
  );
  return { unknown: rows.filter((row) => !row.listed), listed: rows.filter((row) => row.listed) };
};

const countReadable = async (db: Queryable, driver: Driver, subject: FitSubject): Promise<number> => {
  const { rows } = await db.query<{ count: number }>(
    `SELECT count(*) AS count FROM archive_metadata m WHERE ${archivePredicate(1)} AND ${inScopeSql(3)}`,
    [...scopeParameters(planScope(driver, subject.archive, []))],
  );
  return Number(rows[0]?.count ?? 0);
};

/**
 * A node with an old configuration from a few rows that nothing reads any more, which must not keep an archive from its
 * services (rule R7): the driver of the current store tells, or else what most rows need.
 */
const areStrays = async (
  db: Queryable,
  driver: Driver,
  subject: FitSubject,
  current: CurrentArchive | undefined,
  unknown: readonly RowsElsewhere[],
): Promise<boolean> =>
  current === undefined
    ? (await countReadable(db, driver, subject)) >= Math.max(1, sum(unknown))
    : current.driver === driver.name;

const unreadable = (text: string, remedy: string): FitFinding => ({
  severity: 'refuse',
  error: new AppError('refused.unreadable-documents', text, {
    remedy: `${remedy} Where they are lost, or stay behind on purpose: anchore-engine start --allow-unreadable.`,
  }),
});

/** Compares the configured driver with where the documents are; the store itself is not touched. */
export const inspectDriverFit = async (
  db: Queryable,
  driver: Driver,
  subject: FitSubject,
): Promise<readonly FitFinding[]> => {
  const withJournal = await hasJournal(db);
  const { unknown, listed } = await findElsewhere(db, driver, subject, withJournal);
  const findings: FitFinding[] = [];
  if (unknown.length > 0) {
    const current = withJournal ? await findCurrent(db, archiveName(subject.archive)) : undefined;
    const moved = current === undefined ? '' : `; ${describeMove(current)}`;
    const remedy =
      current === undefined
        ? `Set ${sectionOf(subject)} to the ${unknown.map(driverOf).join(' or ')} store that holds them, not ${driver.name}; or migrate them.`
        : configureCurrent(subject, current);
    const text = `${sum(unknown)} documents cannot be read with the configured driver ${driver.name}: ${describeRows(unknown)}${moved}`;
    if (await areStrays(db, driver, subject, current, unknown)) findings.push({ severity: 'warn', text });
    else findings.push(unreadable(text, remedy));
  }
  if (listed.length > 0) {
    const text = `${sum(listed)} documents cannot be read, as a migration has listed: ${describeRows(listed)}`;
    findings.push({ severity: 'warn', text });
  }
  return findings;
};

/** How many of some documents of the archive, whose URLs the driver reads, are in the store. */
const lookForSome = async (
  db: Queryable,
  { driver }: Store,
  subject: FitSubject,
  signal: AbortSignal,
): Promise<{ readonly looked: number; readonly found: number; readonly example: string }> => {
  const { rows } = await db.query<DocumentKey & { url: string }>(
    `SELECT m."userId", m.bucket, m."archiveId", m."documentName", m.content_url AS url FROM archive_metadata m
      WHERE ${archivePredicate(1)} AND ${inScopeSql(3)} LIMIT ${LOOKED_FOR}`,
    [...scopeParameters(planScope(driver, subject.archive, []))],
  );
  let found = 0;
  for (const { url, ...key } of rows) {
    try {
      if ((await driver.head({ key, url }, signal)) !== undefined) found += 1;
    } catch (error) {
      // One URL that cannot be understood, or a bucket that is not there: neither tells that the store is the right one.
      if (!isAppError(error, 'store.invalid-url', 'store.unsafe-path', 'store.container-missing')) throw error;
    }
  }
  return { looked: rows.length, found, example: rows[0]?.url ?? '' };
};

/** Where an archive is that has left this store, of those of which the configuration names the store. */
const findLeft = async (
  db: Queryable,
  subject: FitSubject,
  fingerprint: string,
): Promise<CurrentArchive | undefined> => {
  for (const archive of await listArchives(db, subject.archive)) {
    const current = await findCurrent(db, archive);
    if (current === undefined || current.fingerprint === fingerprint) continue;
    if (await isJournalled(db, archive, fingerprint)) return current;
  }
  return undefined;
};

/**
 * Compares the store with the one that the last switch made current. One that the archive has left is refused; one that the
 * journal does not know, or that no journal tells of, has to have documents of the archive. Throws `store.*`, `database.*`.
 */
export const inspectStoreFit = async (
  db: Queryable,
  store: Store,
  subject: FitSubject,
  signal: AbortSignal,
): Promise<readonly FitFinding[]> => {
  const withJournal = await hasJournal(db);
  const { fingerprint, description } = store.identity;
  const left = withJournal ? await findLeft(db, subject, fingerprint) : undefined;
  if (left !== undefined) {
    const text = `${describeMove(left)}, not in ${description}, which it has left`;
    const error = new AppError('refused.not-current', text, { remedy: configureCurrent(subject, left) });
    return [{ severity: 'refuse', error }];
  }
  const current = withJournal ? await findCurrent(db, archiveName(subject.archive)) : undefined;
  if (current?.fingerprint === fingerprint) return [];
  const { looked, found, example } = await lookForSome(db, store, subject, signal);
  if (looked > 0 && found === 0) {
    const moved = current === undefined ? '' : `; ${describeMove(current)}`;
    const text = `of ${looked} documents that were looked for, none is in ${description} (such as ${example})${moved}`;
    const remedy =
      current === undefined
        ? `Set ${sectionOf(subject)} to the store that holds them; a folder may not be mounted.`
        : configureCurrent(subject, current);
    return [unreadable(text, remedy)];
  }
  if (current === undefined) return [];
  return [
    {
      severity: 'warn',
      text: `${describeMove(current)}; new documents go to ${description}, which can read the others`,
    },
  ];
};
