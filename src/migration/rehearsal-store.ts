import type { Queryable } from '../database/database.ts';
import { insertMigrationRow, type NewMigration } from './migration-store.ts';
import { archivePredicate, inScopeSql, type Scope, scopeParameters } from './scope.ts';

/** No migration has this number: those of the table `tasks` begin with 1. */
export const REHEARSAL_ID = 0;

/**
 * Journals documents of the archive, chosen by chance, in the order of that chance, as if a migration had planned them.
 * Only for a transaction that is rolled back. Returns how many there were.
 */
export const insertRehearsal = async (
  tx: Queryable,
  migration: NewMigration,
  scope: Scope,
  limit: number,
): Promise<number> => {
  await insertMigrationRow(tx, REHEARSAL_ID, migration);
  const { count } = await tx.query(
    `INSERT INTO archive_mover_document (migration_id, seq, bucket, archive_id, user_id, document_name, state, src_url,
                                         src_digest, src_size, src_compressed, src_last_updated)
     SELECT $5, row_number() OVER (ORDER BY c.chance), c.bucket, c."archiveId", c."userId", c."documentName", 'planned',
            c.content_url, c.digest, c.size, c.is_compressed, c.last_updated
       FROM (SELECT m.*, random() AS chance FROM archive_metadata m
              WHERE ${archivePredicate(1)} AND ${inScopeSql(3)} ORDER BY chance LIMIT $6) c`,
    [...scopeParameters(scope), REHEARSAL_ID, limit],
  );
  return count;
};

/** Writes to every journalled document once, as each later phase of a migration does. Returns how many there were. */
export const touchRehearsal = async (tx: Queryable): Promise<number> => {
  const { count } = await tx.query(`UPDATE archive_mover_document SET state = state WHERE migration_id = $1`, [
    REHEARSAL_ID,
  ]);
  return count;
};

export interface RehearsedFailure {
  readonly document: string;
  readonly code: string;
  readonly text: string;
}

export interface RehearsedCopies {
  readonly copied: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly skipped: number;
  readonly failures: readonly RehearsedFailure[];
}

/** What became of the journalled documents with these numbers. */
export const summarizeRehearsal = async (
  tx: Queryable,
  afterSeq: number,
  lastSeq: number,
): Promise<RehearsedCopies> => {
  const range = [REHEARSAL_ID, afterSeq, lastSeq];
  const { rows } = await tx.query<{ copied: number; read: number; written: number; skipped: number }>(
    `SELECT count(*) FILTER (WHERE state = 'copied') AS copied, count(*) FILTER (WHERE state = 'skipped') AS skipped,
            coalesce(sum(coalesce(src_size, dst_size)) FILTER (WHERE state = 'copied'), 0)::bigint AS read,
            coalesce(sum(dst_size) FILTER (WHERE state = 'copied'), 0)::bigint AS written
       FROM archive_mover_document WHERE migration_id = $1 AND seq > $2 AND seq <= $3`,
    range,
  );
  const failures = await tx.query<RehearsedFailure>(
    `SELECT user_id || '/' || bucket || '/' || archive_id AS document, coalesce(error_code, '') AS code,
            coalesce(error_text, '') AS text
       FROM archive_mover_document WHERE migration_id = $1 AND seq > $2 AND seq <= $3 AND state = 'failed' ORDER BY seq`,
    range,
  );
  const [row] = rows;
  return {
    copied: row?.copied ?? 0,
    readBytes: row?.read ?? 0,
    writtenBytes: row?.written ?? 0,
    skipped: row?.skipped ?? 0,
    failures: failures.rows,
  };
};
