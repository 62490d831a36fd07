import type { MetadataRow } from '../archive/metadata-store.ts';
import type { Store } from '../archive/store.ts';
import type { ErrorCode } from '../core/error-catalogue.ts';
import type { Queryable } from '../database/database.ts';
import { findCurrentStores } from './current-store.ts';
import type { ArchiveScope } from './scope.ts';

/** What reading a document has come to. `code`: as a migration's journal would call it; undefined for `elsewhere`. */
export interface RowFinding {
  readonly row: MetadataRow;
  readonly kind: 'missing' | 'wrong' | 'unreadable' | 'elsewhere';
  readonly code: ErrorCode | undefined;
  readonly text: string;
}

/** That a migration has listed a document as not moved, and why. */
interface Listing {
  readonly place: number;
  readonly code: string;
  /** The migration's source gives the same URLs another meaning than the verified store: its objects cannot be read here. */
  readonly otherNamespace: boolean;
}

const DAMAGED: readonly string[] = [
  'document.wrong-size',
  'document.corrupt',
  'document.undecodable',
  'document.ambiguous',
] satisfies readonly ErrorCode[];

/** Whether just this is to be expected of a document that was listed for that reason. */
const fits = ({ kind, code }: RowFinding, listing: Listing): boolean => {
  // It names the object at the destination: that one has to be there.
  if (listing.code === 'skipped.already-there') return false;
  switch (kind) {
    case 'elsewhere':
      return true; // it stayed where it was
    case 'missing':
      return listing.code === 'document.missing' || listing.otherNamespace;
    case 'wrong':
      return DAMAGED.includes(listing.code);
    case 'unreadable':
      return listing.code === code;
  }
};

/**
 * Of these findings, those that were known: the migration that made the verified store the current one lists the document,
 * whose row is still what was listed, and what was found is what the listed reason lets expect. A document listed by several
 * migrations one after another has the reasons of all. Needs the journal's tables.
 */
export const findKnownExceptions = async (
  db: Queryable,
  { identity }: Store,
  archive: ArchiveScope,
  findings: readonly RowFinding[],
): Promise<ReadonlySet<RowFinding>> => {
  const listers = (await findCurrentStores(db, archive))
    .filter(({ fingerprint }) => fingerprint === identity.fingerprint)
    .map(({ migrationId }) => migrationId);
  if (listers.length === 0 || findings.length === 0) return new Set();
  const rows = findings.map(({ row }) => row);
  const { rows: listings } = await db.query<Listing>(
    `WITH found AS MATERIALIZED (
       SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::boolean[],
                            $10::integer[])
                WITH ORDINALITY AS f(bucket, archive_id, user_id, document_name, src_url, src_digest, src_size, src_compressed,
                                     src_last_updated, place)),
     listed AS MATERIALIZED (
       SELECT f.place, g.id, d.error_code AS code, g.from_driver = $11 AND g.from_namespace <> $12 AS other
         FROM found f CROSS JOIN archive_mover_migration g
              JOIN archive_mover_document d ON d.migration_id = g.id AND d.bucket = f.bucket AND d.archive_id = f.archive_id
                AND d.user_id = f.user_id AND d.document_name = f.document_name
        WHERE g.switched_at IS NOT NULL AND d.state IN ('failed', 'skipped')
          AND (d.src_url, d.src_digest, d.src_size, d.src_compressed, d.src_last_updated)
              IS NOT DISTINCT FROM (f.src_url, f.src_digest, f.src_size, f.src_compressed, f.src_last_updated))
     SELECT place - 1 AS place, coalesce(code, '') AS code, other AS "otherNamespace" FROM listed
      WHERE place IN (SELECT place FROM listed WHERE id = ANY ($1::integer[]))`,
    [
      listers,
      rows.map(({ key }) => key.bucket),
      rows.map(({ key }) => key.archiveId),
      rows.map(({ key }) => key.userId),
      rows.map(({ key }) => key.documentName),
      rows.map((row) => row.contentUrl),
      rows.map((row) => row.digest),
      rows.map((row) => row.sizeBytes),
      rows.map((row) => row.compressed),
      rows.map((row) => row.lastUpdated),
      identity.driver,
      identity.namespace,
    ],
  );
  const known = new Set<RowFinding>();
  for (const listing of listings) {
    const finding = findings[listing.place];
    if (finding !== undefined && fits(finding, listing)) known.add(finding);
  }
  return known;
};
