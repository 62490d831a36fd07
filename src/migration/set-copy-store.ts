import type { Queryable } from '../database/database.ts';
import type { KeySql, TableSql } from '../drivers/contract.ts';
import type { Fence } from './migration-store.ts';

/** The SQL that copies documents from one table of the database to another, without their bytes leaving it. */

const KEY: KeySql = {
  userId: 'd.user_id',
  bucket: 'd.bucket',
  archiveId: 'd.archive_id',
  documentName: 'd.document_name',
};

export interface SetCopy {
  readonly from: TableSql;
  readonly to: TableSql;
  /** Larger content would be compressed at the destination; in bytes. */
  readonly maxSizeBytes: number;
  readonly online: boolean;
}

/**
 * Which documents a statement can copy as well as the general way: never tried before, with a row that says their digest
 * and size, uncompressed, and with the URL and the name that every service gives them, by which key and object are one.
 */
const eligible = ({ from, maxSizeBytes }: SetCopy): string =>
  `d.state = 'planned' AND d.attempts = 0 AND d.dst_url IS NULL AND NOT d.owned AND NOT d.reuse
   AND d.src_digest IS NOT NULL AND d.src_size <= ${maxSizeBytes} AND d.src_compressed IS NOT TRUE
   AND d.document_name = d.archive_id || '.json' AND d.src_url = ${from.locate(KEY)}`;

export interface SetCopyCandidate {
  readonly seq: number;
  readonly sizeBytes: number;
}

export const listCandidates = async (
  db: Queryable,
  copy: SetCopy,
  id: number,
  firstSeq: number,
  lastSeq: number,
): Promise<readonly SetCopyCandidate[]> => {
  const { rows } = await db.query<{ seq: number; size: number }>(
    `SELECT d.seq, d.src_size AS size FROM archive_mover_document d
      WHERE d.migration_id = $1 AND d.seq BETWEEN $2 AND $3 AND ${eligible(copy)} ORDER BY d.seq`,
    [id, firstSeq, lastSeq],
  );
  return rows.map((row) => ({ seq: row.seq, sizeBytes: row.size }));
};

export interface SetCopyResult {
  readonly written: number;
  readonly recorded: number;
  readonly bytes: number;
}

/**
 * Reads, checks against digest and size, writes where nothing stands (rule R10), has the table say what it holds now, and
 * records the copy: all in one statement, so that there is no moment at which one is true and the other is not. What
 * does not pass a check, or has something at its destination, is left as it was. The caller rolls back unless as many
 * were recorded as were written.
 */
export const copySet = async (
  tx: Queryable,
  copy: SetCopy,
  fence: Fence,
  seqs: readonly number[],
): Promise<SetCopyResult> => {
  const { from, to } = copy;
  const select = `
      SELECT d.user_id, d.bucket, d.archive_id, d.document_name, p.payload
        FROM fence, archive_mover_document d JOIN ${from.table} ON ${from.matches(KEY)}
             CROSS JOIN LATERAL (SELECT ${from.payload} AS payload OFFSET 0) p
       WHERE d.migration_id = $1 AND d.seq = ANY ($3::bigint[]) AND ${eligible(copy)}
         AND octet_length(p.payload) = d.src_size AND md5(p.payload) = d.src_digest`;
  const { rows } = await tx.query<SetCopyResult>(
    `WITH fence AS (SELECT id FROM archive_mover_migration WHERE id = $1 AND epoch = $2 FOR SHARE),
          written AS (${to.insert(select, `t.*, md5(${to.payload}) AS md5, encode(sha256(${to.payload}), 'hex') AS sha256`)}),
          recorded AS (
            UPDATE archive_mover_document d
               SET state = 'copied', dst_url = ${to.locate(KEY)}, dst_digest = t.md5, dst_size = d.src_size,
                   dst_compressed = false, read_digest = d.src_digest, sha256 = t.sha256, owned = true, prove_again = false,
                   attempts = 1, copied_epoch = $2, copied_online = ${copy.online}, error_code = NULL, error_text = NULL
              FROM written t
             WHERE d.migration_id = $1 AND d.seq = ANY ($3::bigint[]) AND ${eligible(copy)} AND ${to.matches(KEY)}
               AND t.md5 = d.src_digest
            RETURNING d.src_size)
     SELECT (SELECT count(*) FROM written) AS written, count(*) AS recorded, coalesce(sum(src_size), 0)::bigint AS bytes
       FROM recorded`,
    [fence.id, fence.epoch, seqs],
  );
  return rows[0] ?? { written: 0, recorded: 0, bytes: 0 };
};
