import type { Driver, DocumentKey } from '../drivers/contract.ts';

/** Which rows belong to the archive that a configuration section names. */
export type ArchiveScope = 'object-store' | 'object-store-beside-analysis-archive' | 'analysis-archive';

/**
 * The two archives that can be migrated apart: documents of the bucket of analyses, and all others. Where a configuration has
 * no section for analyses, they are part of what its object store names.
 */
export type ArchiveName = Exclude<ArchiveScope, 'object-store-beside-analysis-archive'>;

/** Which of the two a section is there for. */
export const archiveName = (archive: ArchiveScope): ArchiveName =>
  archive === 'analysis-archive' ? 'analysis-archive' : 'object-store';

/**
 * Which rows a migration concerns (rule R7): those that the source's services can read today, whatever bucket, folder or
 * prefix their URLs name, less what a separate analysis archive claims. Journalled with the migration.
 */
export interface Scope {
  /** The scheme of the content URLs that the source driver reads, such as `db` or `file`. */
  readonly scheme: string;
  /** Only these buckets; null for all. Rows of other buckets are listed as exceptions. */
  readonly buckets: readonly string[] | null;
  /** Rows of these buckets belong to another archive: neither moved nor listed. */
  readonly foreignBuckets: readonly string[];
  /** Only rows of these buckets belong to this archive; null for all. */
  readonly ownBuckets: readonly string[] | null;
}

/** The bucket in which Anchore Engine keeps its analysis archive. */
export const ANALYSIS_ARCHIVE_BUCKET = 'analysis_archive';

const SAMPLE_KEY: DocumentKey = { userId: 'u', bucket: 'b', archiveId: 'a', documentName: 'a.json' };

/** The scheme of the content URLs that a driver gives and reads. */
export const schemeOf = (driver: Driver): string => {
  const url = sampleUrl(driver);
  return url.slice(0, url.indexOf('://'));
};

/** Equal for drivers that give every document the same URL (rule R8). */
export const sampleUrl = (driver: Driver): string => driver.locate(SAMPLE_KEY);

export const haveIdenticalUrls = (one: Driver, other: Driver): boolean => sampleUrl(one) === sampleUrl(other);

export const planScope = (driver: Driver, archive: ArchiveScope, buckets: readonly string[]): Scope => ({
  scheme: schemeOf(driver),
  buckets: buckets.length === 0 ? null : buckets,
  foreignBuckets: archive === 'object-store-beside-analysis-archive' ? [ANALYSIS_ARCHIVE_BUCKET] : [],
  ownBuckets: archive === 'analysis-archive' ? [ANALYSIS_ARCHIVE_BUCKET] : null,
});

/** What `planScope` was told: which archive a journalled migration concerns. */
export const archiveOf = ({ ownBuckets, foreignBuckets }: Scope): ArchiveScope => {
  if (ownBuckets !== null) return 'analysis-archive';
  return foreignBuckets.length > 0 ? 'object-store-beside-analysis-archive' : 'object-store';
};

/**
 * SQL over `archive_metadata m`: the rows of this archive. Parameters, from `first` on: foreign buckets, own buckets.
 */
export const archivePredicate = (first: number): string =>
  `(NOT m.bucket = ANY ($${first}::text[]) AND ($${first + 1}::text[] IS NULL OR m.bucket = ANY ($${first + 1}::text[])))`;

/**
 * SQL over `archive_metadata m`: why a row is not to be moved, NULL where it is. Parameters, from `first` on: the pattern
 * of the scheme, the selected buckets.
 */
export const skipReasonSql = (first: number): string =>
  `CASE WHEN m.content_url IS NULL THEN 'skipped.no-url'
        WHEN NOT starts_with(m.content_url, $${first}::text) THEN 'skipped.elsewhere'
        WHEN NOT ($${first + 1}::text[] IS NULL OR m.bucket = ANY ($${first + 1}::text[])) THEN 'skipped.not-selected'
   END`;

/** SQL over `archive_metadata m`: the row is to be moved. The same parameters as `skipReasonSql`. */
export const inScopeSql = (first: number): string =>
  `(starts_with(m.content_url, $${first}::text) AND ($${first + 1}::text[] IS NULL OR m.bucket = ANY ($${first + 1}::text[])))`;

/** The parameters of all of them, in their order. */
export const scopeParameters = (scope: Scope): readonly unknown[] => [
  scope.foreignBuckets,
  scope.ownBuckets,
  `${scope.scheme}://`,
  scope.buckets,
];
