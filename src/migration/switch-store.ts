import type { Queryable } from '../database/database.ts';
import type { Chunk } from './claims.ts';
import type { MigrationRecord } from './migration-store.ts';
import { archivePredicate, inScopeSql, scopeParameters } from './scope.ts';

/** The SQL of the switch: what `archive_metadata` has against what the journal knows, and the one UPDATE. */

const KEY_JOIN = `m.bucket = d.bucket AND m."archiveId" = d.archive_id AND m."userId" = d.user_id
                  AND m."documentName" = d.document_name`;
const UNCHANGED = `(m.content_url, m.digest, m.size, m.is_compressed, m.last_updated)
                   IS NOT DISTINCT FROM (d.src_url, d.src_digest, d.src_size, d.src_compressed, d.src_last_updated)`;
const NOW_SECONDS = 'extract(epoch FROM clock_timestamp())::integer';

/**
 * Documents whose rows are changed together, in the order in which they lie in the table. A band of the table's primary
 * key so long fits into a small server's buffers, while the table itself is passed once for each band: both are
 * written in their own order, and each page few times.
 */
const BAND = 100_000;

/** Rolls the switch back without being an error of its own: rows are not what was copied. */
export class RowsChanged extends Error {}

/** Rows at the source that the journal does not know as they are. */
export const countRowsNotCopied = async (tx: Queryable, record: MigrationRecord): Promise<number> => {
  const { rows } = await tx.query<{ count: number }>(
    `SELECT count(*) AS count FROM archive_metadata m
      WHERE ${archivePredicate(1)} AND ${inScopeSql(3)}
        AND NOT EXISTS (
          SELECT 1 FROM archive_mover_document d
           WHERE d.migration_id = $5 AND ${KEY_JOIN}
             AND (d.state IN ('copied', 'failed', 'skipped') AND ${UNCHANGED}
               OR d.state IN ('switched', 'cleaning', 'cleaned') AND m.content_url = d.dst_url))`,
    [...scopeParameters(record.scope), record.id],
  );
  return rows[0]?.count ?? 0;
};

/**
 * Points the rows of all copied documents to the destination. Throws `RowsChanged` unless each copied document's row still
 * is what was copied, and every row in scope is one of these or a listed exception (rule R6). The caller holds the lock
 * that keeps writers of the table out, so that rows stay where they are found: they are found once, compared, and then
 * changed by their place.
 */
export const updateAllRows = async (tx: Queryable, record: MigrationRecord): Promise<number> => {
  const scope = scopeParameters(record.scope);
  const inScope = `${archivePredicate(1)} AND ${inScopeSql(3)}`;
  const archive = await tx.query<{ count: number }>(
    `SELECT count(*) AS count FROM archive_metadata m WHERE ${inScope}`,
    scope,
  );
  const drop = await makeRowTable(tx);
  await tx.query(`SELECT set_config('work_mem', '64MB', true)`);
  await tx.query(
    `INSERT INTO archive_mover_row (place, copied, in_scope, url, digest, size, compressed)
     SELECT m.ctid, d.state = 'copied', ${inScope}, d.dst_url, d.dst_digest, d.dst_size, d.dst_compressed
       FROM archive_mover_document d
            LEFT JOIN archive_metadata m ON ${KEY_JOIN}
                  AND CASE WHEN d.state IN ('copied', 'failed', 'skipped') THEN ${UNCHANGED} ELSE m.content_url = d.dst_url END
      WHERE d.migration_id = $5 AND d.state IN ('copied', 'failed', 'skipped', 'switched', 'cleaning', 'cleaned')
      ORDER BY d.seq / ${BAND}, m.ctid`,
    [...scope, record.id],
  );
  const found = await tx.query<{ copied: number; unchanged: number; known: number }>(
    `SELECT count(*) FILTER (WHERE copied) AS copied, count(place) FILTER (WHERE copied) AS unchanged,
            count(*) FILTER (WHERE in_scope) AS known FROM archive_mover_row`,
  );
  const { copied = 0, unchanged = 0, known = 0 } = found.rows[0] ?? {};
  // Each row in scope has at most one record, so equal numbers mean that all of them are known.
  throwIfDifferent((archive.rows[0]?.count ?? 0) - known, 'changed or came');
  throwIfDifferent(copied - unchanged, 'changed or went');
  await tx.query(
    `SELECT set_config('enable_nestloop', 'on', true), set_config('enable_hashjoin', 'off', true),
            set_config('enable_mergejoin', 'off', true)`,
  );
  const updated = await tx.query(
    `UPDATE archive_metadata m
        SET content_url = r.url, digest = r.digest, size = r.size, is_compressed = r.compressed, last_updated = ${NOW_SECONDS}
       FROM archive_mover_row r WHERE m.ctid = r.place AND r.copied`,
  );
  throwIfDifferent(copied - updated.count, 'changed or went');
  await tx.query(drop);
  await tx.query(`SELECT set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true)`);
  return updated.count;
};

const throwIfDifferent = (count: number, what: string): void => {
  if (count !== 0) throw new RowsChanged(`${count} rows ${what} since they were copied`);
};

/** For the transaction alone; a role that may not make temporary tables makes one that its rollback removes, too. */
const makeRowTable = async (tx: Queryable): Promise<string> => {
  const { rows } = await tx.query<{ temporary: boolean }>(
    `SELECT has_database_privilege(current_database(), 'TEMPORARY') AS temporary`,
  );
  await tx.query(
    `CREATE ${rows[0]?.temporary === false ? 'UNLOGGED' : 'TEMPORARY'} TABLE archive_mover_row (
       place tid, copied boolean, in_scope boolean, url text, digest text, size bigint, compressed boolean)`,
  );
  return 'DROP TABLE archive_mover_row';
};

/** The same for the copied documents of a chunk, whatever the other rows are; their records are marked at once. */
export const updateRowsOfChunk = async (tx: Queryable, id: number, part: Chunk): Promise<number> => {
  const range = [id, part.firstSeq, part.lastSeq];
  const updated = await tx.query(
    `UPDATE archive_metadata m
        SET content_url = d.dst_url, digest = d.dst_digest, size = d.dst_size, is_compressed = d.dst_compressed,
            last_updated = ${NOW_SECONDS}
       FROM archive_mover_document d
      WHERE d.migration_id = $1 AND d.seq BETWEEN $2 AND $3 AND d.state = 'copied' AND ${KEY_JOIN} AND ${UNCHANGED}`,
    range,
  );
  const marked = await tx.query(
    `UPDATE archive_mover_document SET state = 'switched'
      WHERE migration_id = $1 AND seq BETWEEN $2 AND $3 AND state = 'copied'`,
    range,
  );
  throwIfDifferent(marked.count - updated.count, 'changed or went');
  return updated.count;
};
