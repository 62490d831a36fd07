import type { Queryable } from '../database/database.ts';
import type { SkipReason } from './phases.ts';
import { archivePredicate, inScopeSql, type Scope, scopeParameters, skipReasonSql } from './scope.ts';

/** What the rows of an archive say of a migration before it begins. Reads `archive_metadata` alone. */
export interface Forecast {
  /** What would be moved. */
  readonly documents: number;
  /** Of those whose row says a size. */
  readonly bytes: number;
  readonly withoutSize: number;
  readonly buckets: readonly Amount<{ readonly bucket: string }>[];
  /** From the smallest to the largest; `upToBytes` is undefined for the last one. */
  readonly sizes: readonly Amount<{ readonly upToBytes: number | undefined }>[];
  /** What would stay where it is. `scheme`: that of the content URL, such as `s3`; undefined where there is none. */
  readonly left: readonly Amount<{ readonly reason: SkipReason; readonly scheme: string | undefined }>[];
  readonly largest: readonly LargeDocument[];
  /** Rows that share an object at the source or destination and disagree about it (rule R12): they would fail. */
  readonly ambiguous: number;
}

export type Amount<Of> = Of & { readonly documents: number; readonly bytes: number };

export interface LargeDocument {
  readonly userId: string;
  readonly bucket: string;
  readonly archiveId: string;
  readonly sizeBytes: number;
}

const KIB = 1024;
/** Where one class of sizes ends and the next begins; in bytes. */
const SIZE_CLASSES: readonly number[] = [10 * KIB, 100 * KIB, KIB ** 2, 10 * KIB ** 2, 100 * KIB ** 2];
const NAMED_LARGEST = 5;

interface Group {
  bucket: string;
  reason: SkipReason | null;
  scheme: string | null;
  size_class: number | null;
  documents: number;
  bytes: number;
}

/** `keyed`: whether the drivers tell documents apart that differ in their name alone (only `db` does). */
export const forecastMigration = async (
  db: Queryable,
  scope: Scope,
  keyed: { readonly source: boolean; readonly destination: boolean },
): Promise<Forecast> => {
  const { rows } = await db.query<Group>(
    `SELECT m.bucket, ${skipReasonSql(3)} AS reason, substring(m.content_url from '^([a-zA-Z0-9+.-]+)://') AS scheme,
            width_bucket(m.size - 1, $5::bigint[]) AS size_class, count(*) AS documents,
            coalesce(sum(m.size), 0)::bigint AS bytes
       FROM archive_metadata m WHERE ${archivePredicate(1)} GROUP BY 1, 2, 3, 4`,
    [...scopeParameters(scope), SIZE_CLASSES],
  );
  const moved = rows.filter(({ reason }) => reason === null);
  const classes = [...SIZE_CLASSES, undefined].map((upToBytes, index) => ({
    upToBytes,
    ...total(moved.filter((row) => row.size_class === index)),
  }));
  return {
    ...total(moved),
    withoutSize: total(moved.filter((row) => row.size_class === null)).documents,
    buckets: grouped(moved, ({ bucket }) => ({ bucket })),
    sizes: classes.filter(({ documents }) => documents > 0),
    left: grouped(rows, ({ reason, scheme }) =>
      reason === null ? undefined : { reason, scheme: scheme ?? undefined },
    ),
    largest: await findLargest(db, scope),
    ambiguous: await countAmbiguous(db, scope, keyed),
  };
};

const total = (groups: readonly Group[]): { readonly documents: number; readonly bytes: number } => ({
  documents: groups.reduce((sum, { documents }) => sum + documents, 0),
  bytes: groups.reduce((sum, { bytes }) => sum + bytes, 0),
});

/** One amount for each different thing that groups are about, the largest first. */
const grouped = <Of extends object>(
  groups: readonly Group[],
  aboutOf: (group: Group) => Of | undefined,
): readonly Amount<Of>[] => {
  const parts = new Map<string, { about: Of; groups: Group[] }>();
  for (const group of groups) {
    const about = aboutOf(group);
    if (about === undefined) continue;
    const name = JSON.stringify(about);
    const part = parts.get(name) ?? { about, groups: [] };
    part.groups.push(group);
    parts.set(name, part);
  }
  return [...parts.values()]
    .map((part) => ({ ...part.about, ...total(part.groups) }))
    .toSorted((one, other) => other.bytes - one.bytes || other.documents - one.documents);
};

const findLargest = async (db: Queryable, scope: Scope): Promise<readonly LargeDocument[]> => {
  const { rows } = await db.query<LargeDocument>(
    `SELECT m."userId", m.bucket, m."archiveId", m.size AS "sizeBytes" FROM archive_metadata m
      WHERE ${archivePredicate(1)} AND ${inScopeSql(3)} AND m.size IS NOT NULL
      ORDER BY m.size DESC, m.bucket, m."archiveId" LIMIT $5`,
    [...scopeParameters(scope), NAMED_LARGEST],
  );
  return rows;
};

/** As `failAmbiguousDocuments` will find them; those that disagree on both sides count once. */
const countAmbiguous = async (
  db: Queryable,
  scope: Scope,
  keyed: { readonly source: boolean; readonly destination: boolean },
): Promise<number> => {
  const rivals = (columns: string): string =>
    `SELECT ${columns} FROM scoped GROUP BY ${columns} HAVING count(*) > 1 AND count(DISTINCT (digest, size, is_compressed)) > 1`;
  const named = [
    ...(keyed.source ? [] : [`content_url IN (${rivals('content_url')})`]),
    ...(keyed.destination ? [] : [`(bucket, "archiveId", "userId") IN (${rivals('bucket, "archiveId", "userId"')})`]),
  ];
  if (named.length === 0) return 0;
  const { rows } = await db.query<{ count: number }>(
    `WITH scoped AS MATERIALIZED (SELECT m.* FROM archive_metadata m WHERE ${archivePredicate(1)} AND ${inScopeSql(3)})
     SELECT count(*) AS count FROM scoped WHERE ${named.join(' OR ')}`,
    scopeParameters(scope),
  );
  return rows[0]?.count ?? 0;
};

/** What an earlier run has copied and not switched yet. */
export const sumCopied = async (
  db: Queryable,
  migrationId: number,
): Promise<{ readonly documents: number; readonly bytes: number }> => {
  const { rows } = await db.query<{ documents: number; bytes: number }>(
    `SELECT count(*) AS documents, coalesce(sum(src_size), 0)::bigint AS bytes FROM archive_mover_document
      WHERE migration_id = $1 AND state = 'copied'`,
    [migrationId],
  );
  return rows[0] ?? { documents: 0, bytes: 0 };
};

export const EMPTY_FORECAST: Forecast = {
  documents: 0,
  bytes: 0,
  withoutSize: 0,
  buckets: [],
  sizes: [],
  left: [],
  largest: [],
  ambiguous: 0,
};
