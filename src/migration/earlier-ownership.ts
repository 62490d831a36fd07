import type { Queryable } from '../database/database.ts';
import type { DocumentKey } from '../drivers/contract.ts';
import type { Run } from './run.ts';

/**
 * Whether an object at the destination is one that this system's journals know, from other migrations, with just this
 * digest (rule R10). `written`: ours; `migrated`: the archive's own, which was brought elsewhere and left. Both may be
 * replaced where no row names them; only the former is ours to delete later. undefined: foreign.
 */
export const findEarlierOwnership = async (
  db: Queryable,
  run: Run,
  key: DocumentKey,
  url: string,
  digest: string,
): Promise<'written' | 'migrated' | undefined> => {
  const { rows } = await db.query<{ written: boolean }>(
    `SELECT m.to_fingerprint = $3 AND d.dst_url = $1 AND d.owned AND $2 IN (d.dst_digest, d.prev_digest) AS written
       FROM archive_mover_migration m JOIN archive_mover_document d ON d.migration_id = m.id
      WHERE m.id <> $4 AND d.bucket = $5 AND d.archive_id = $6 AND d.user_id = $7 AND d.document_name = $8
        AND ((m.to_fingerprint = $3 AND d.dst_url = $1 AND d.owned AND $2 IN (d.dst_digest, d.prev_digest))
          OR (m.from_fingerprint = $3 AND d.src_url = $1 AND $2 IN (d.read_digest, d.src_digest)
              AND d.state IN ('switched', 'cleaning', 'cleaned', 'failed')))
      ORDER BY 1 DESC LIMIT 1`,
    [url, digest, run.to.identity.fingerprint, run.record.id, key.bucket, key.archiveId, key.userId, key.documentName],
  );
  const found = rows[0];
  if (found === undefined) return undefined;
  return found.written ? 'written' : 'migrated';
};
