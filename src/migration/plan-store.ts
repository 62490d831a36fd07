import type { Queryable } from '../database/database.ts';
import { archivePredicate, type Scope, scopeParameters, skipReasonSql } from './scope.ts';

/**
 * The SQL that brings a journal in line with `archive_metadata`: what is new, changed, gone. Each statement snapshots any
 * number of rows inside the database; nothing is listed in memory.
 */

const KEY_JOIN = `m.bucket = d.bucket AND m."archiveId" = d.archive_id AND m."userId" = d.user_id
                  AND m."documentName" = d.document_name`;
const SOURCE_COLUMNS = 'd.src_url, d.src_digest, d.src_size, d.src_compressed, d.src_last_updated';
const METADATA_COLUMNS = 'm.content_url, m.digest, m.size, m.is_compressed, m.last_updated';
/** States in which the journal still says what the source row was. */
const BEFORE_SWITCH = `('planned', 'copying', 'copied', 'failed', 'skipped')`;

/**
 * For a rollback (rule R13): documents that are still as the migration left them need no copy, since what they were
 * before still lies at the source of then, which is the destination now. What that migration found at its destination
 * was never its own, and stays when its copies are deleted.
 */
export const markReusableDocuments = async (tx: Queryable, id: number, rolledBack: number): Promise<void> => {
  await tx.query(
    `UPDATE archive_mover_document d
        SET reuse = true, foreign_source = NOT o.owned, dst_url = o.src_url, dst_digest = coalesce(o.src_digest, o.read_digest),
            dst_size = o.src_size, dst_compressed = coalesce(o.src_compressed, false), sha256 = o.sha256
       FROM archive_mover_document o
      WHERE d.migration_id = $1 AND d.state = 'planned' AND NOT d.reuse AND d.attempts = 0
        AND o.migration_id = $2 AND o.state = 'switched'
        AND o.bucket = d.bucket AND o.archive_id = d.archive_id AND o.user_id = d.user_id AND o.document_name = d.document_name
        AND (d.src_url, d.src_digest, d.src_size, d.src_compressed)
            IS NOT DISTINCT FROM (o.dst_url, o.dst_digest, o.dst_size, o.dst_compressed)`,
    [id, rolledBack],
  );
};

/**
 * Rows that an earlier migration has listed as not moved are known not to be at the source, whatever their URLs look like.
 * Of those that its own source could not read nothing is known: they may always have lain where this one reads them. Only a
 * rollback (`undoes`) leaves them, since it brings back no more than what had moved.
 */
export const skipKnownExceptions = async (
  tx: Queryable,
  id: number,
  listedBy: number | undefined,
  undoes: boolean,
): Promise<void> => {
  if (listedBy === undefined || listedBy === id) return;
  await tx.query(
    `UPDATE archive_mover_document d SET state = 'skipped', error_code = 'skipped.exception'
       FROM archive_mover_document o
      WHERE d.migration_id = $1 AND d.state = 'planned' AND d.attempts = 0
        AND o.migration_id = $2 AND o.state IN ('failed', 'skipped') AND o.error_code IS DISTINCT FROM 'skipped.already-there'
        AND ($3 OR o.error_code IS DISTINCT FROM 'skipped.elsewhere')
        AND o.bucket = d.bucket AND o.archive_id = d.archive_id AND o.user_id = d.user_id AND o.document_name = d.document_name
        AND (d.src_url, d.src_digest, d.src_size, d.src_compressed, d.src_last_updated)
            IS NOT DISTINCT FROM (o.src_url, o.src_digest, o.src_size, o.src_compressed, o.src_last_updated)`,
    [id, listedBy, undoes],
  );
};

/**
 * What another migration last sent to this destination, and never learnt the end of, may still land over what this one writes
 * (rule R9): for long enough after that one was at work.
 */
export const inheritUnsettledWrites = async (tx: Queryable, id: number, toFingerprint: string): Promise<void> => {
  const { rows } = await tx.query<{ id: number }>(
    `SELECT id FROM archive_mover_migration
      WHERE id <> $1 AND to_fingerprint = $2 AND updated_at > now() - interval '1 hour'`,
    [id, toFingerprint],
  );
  if (rows.length === 0) return;
  await tx.query(
    `UPDATE archive_mover_document d SET unsettled = true, prev_digest = coalesce(o.dst_digest, o.prev_digest)
       FROM archive_mover_document o
      WHERE d.migration_id = $1 AND d.state = 'planned' AND d.attempts = 0 AND NOT d.unsettled
        AND o.migration_id = ANY ($2::integer[]) AND o.unsettled
        AND o.bucket = d.bucket AND o.archive_id = d.archive_id AND o.user_id = d.user_id AND o.document_name = d.document_name`,
    [id, rows.map((row) => row.id)],
  );
};

/** Whether nothing has been planned yet: then nothing can have changed since. */
export const isJournalEmpty = async (tx: Queryable, id: number): Promise<boolean> =>
  (await tx.query('SELECT 1 FROM archive_mover_document WHERE migration_id = $1 LIMIT 1', [id])).count === 0;

/** Adds the rows that the journal does not have yet, in key order behind those that it has. */
export const insertNewDocuments = async (tx: Queryable, id: number, scope: Scope): Promise<number> => {
  const { count } = await tx.query(
    `INSERT INTO archive_mover_document (migration_id, seq, bucket, archive_id, user_id, document_name, state, src_url,
                                         src_digest, src_size, src_compressed, src_last_updated, error_code)
     SELECT $5, coalesce((SELECT max(seq) FROM archive_mover_document WHERE migration_id = $5), 0)
                + row_number() OVER (ORDER BY m.bucket, m."archiveId", m."userId", m."documentName"),
            m.bucket, m."archiveId", m."userId", m."documentName",
            CASE WHEN ${skipReasonSql(3)} IS NULL THEN 'planned' ELSE 'skipped' END,
            ${METADATA_COLUMNS}, ${skipReasonSql(3)}
       FROM archive_metadata m
      WHERE ${archivePredicate(1)}
        AND NOT EXISTS (SELECT 1 FROM archive_mover_document d WHERE d.migration_id = $5 AND ${KEY_JOIN})`,
    [...scopeParameters(scope), id],
  );
  return count;
};

/**
 * Plans those again (all, or the one with this `seq`) whose row is no longer what was planned or copied. What we wrote for them stays known (`dst_url`,
 * `owned`), so that it is replaced or removed, never orphaned. A switched document counts as changed only where its row
 * has come back to the source's scheme by somebody's hand.
 */
export const replanChangedDocuments = async (
  tx: Queryable,
  id: number,
  scope: Scope,
  seq: number | null = null,
): Promise<number> => {
  const { count } = await tx.query(
    `UPDATE archive_mover_document d
        SET state = CASE WHEN ${skipReasonSql(3)} IS NULL THEN 'planned' ELSE 'skipped' END,
            src_url = m.content_url, src_digest = m.digest, src_size = m.size, src_compressed = m.is_compressed,
            src_last_updated = m.last_updated, reuse = false, error_code = ${skipReasonSql(3)}, error_text = NULL
       FROM archive_metadata m
      WHERE d.migration_id = $5 AND ${KEY_JOIN} AND ${archivePredicate(1)} AND ($6::bigint IS NULL OR d.seq = $6)
        AND ((d.state IN ${BEFORE_SWITCH} AND (${SOURCE_COLUMNS}) IS DISTINCT FROM (${METADATA_COLUMNS}))
          OR (d.state IN ('switched', 'cleaning', 'cleaned', 'dropped') AND m.content_url IS DISTINCT FROM d.dst_url
              AND ${skipReasonSql(3)} IS NULL))`,
    [...scopeParameters(scope), id, seq],
  );
  return count;
};

/** Drops those whose row is gone: its owner has deleted it. */
export const dropVanishedDocuments = async (tx: Queryable, id: number, seq: number | null = null): Promise<number> => {
  const { count } = await tx.query(
    `UPDATE archive_mover_document d
        SET state = 'dropped', error_code = NULL, error_text = 'its owner has deleted the document'
      WHERE d.migration_id = $1 AND d.state IN ${BEFORE_SWITCH} AND ($2::bigint IS NULL OR d.seq = $2)
        AND NOT EXISTS (SELECT 1 FROM archive_metadata m WHERE ${KEY_JOIN})`,
    [id, seq],
  );
  return count;
};

/** Plans failed documents again: their cause may be gone. */
export const replanFailedDocuments = async (tx: Queryable, id: number): Promise<number> => {
  const { count } = await tx.query(
    `UPDATE archive_mover_document SET state = 'planned', error_code = NULL, error_text = NULL
      WHERE migration_id = $1 AND state = 'failed'`,
    [id],
  );
  return count;
};

/** Rows without a digest that were copied while services ran: nothing could tell whether they changed (rule R15). */
export const replanUncheckableDocuments = async (tx: Queryable, id: number): Promise<number> => {
  const { count } = await tx.query(
    `UPDATE archive_mover_document SET state = 'planned'
      WHERE migration_id = $1 AND state = 'copied' AND copied_online AND src_digest IS NULL`,
    [id],
  );
  return count;
};

/**
 * Fails what shares an object and disagrees about it (rule R12): rows with one source URL, or with one destination
 * object, must say the same of its bytes. `sourceKeyed`, `destinationKeyed`: whether the driver tells documents apart
 * that differ in their name alone (only `db` does).
 */
export const failAmbiguousDocuments = async (
  tx: Queryable,
  id: number,
  sourceKeyed: boolean,
  destinationKeyed: boolean,
): Promise<number> => {
  const failGroup = async (columns: string, text: string): Promise<number> =>
    (
      await tx.query(
        // Few objects, if any, are shared: only their rows are compared.
        `WITH shared AS MATERIALIZED (
           SELECT ${columns} FROM archive_mover_document
            WHERE migration_id = $1 AND state IN ('planned', 'copying', 'copied')
            GROUP BY ${columns} HAVING count(*) > 1),
         bad AS MATERIALIZED (
           SELECT ${columns} FROM archive_mover_document JOIN shared USING (${columns})
            WHERE migration_id = $1 AND state IN ('planned', 'copying', 'copied')
            GROUP BY ${columns} HAVING count(DISTINCT (src_digest, src_size, src_compressed)) > 1)
         UPDATE archive_mover_document d SET state = 'failed', error_code = 'document.ambiguous', error_text = $2
           FROM bad
          WHERE d.migration_id = $1 AND d.state IN ('planned', 'copying', 'copied')
            AND (${columns.replaceAll(/\w+/g, 'd.$&')}) = (${columns.replaceAll(/\w+/g, 'bad.$&')})`,
        [id, text],
      )
    ).count;
  const bySource = sourceKeyed ? 0 : await failGroup('src_url', 'several rows name this object and disagree about it');
  const byDestination = destinationKeyed
    ? 0
    : await failGroup('bucket, archive_id, user_id', 'several documents would share one object at the destination');
  return bySource + byDestination;
};

/** Tells the planner what the journal holds now; without it, the joins that follow are planned for an empty one. */
export const analyzeJournal = async (tx: Queryable): Promise<void> => {
  await tx.query('ANALYZE archive_mover_document');
};

/**
 * Makes chunks of the documents that have none yet, and opens again those that hold unfinished ones. `move`: a document is
 * unfinished until it is cleaned, since a chunk is switched and cleaned as soon as it is copied.
 */
export const refreshChunks = async (tx: Queryable, id: number, chunkSize: number, move: boolean): Promise<void> => {
  await tx.query(
    `INSERT INTO archive_mover_chunk (migration_id, first_seq, last_seq)
     SELECT $1, s, least(s + $2 - 1, range.last)
       FROM (SELECT coalesce((SELECT max(last_seq) FROM archive_mover_chunk WHERE migration_id = $1), 0) + 1 AS first,
                    coalesce((SELECT max(seq) FROM archive_mover_document WHERE migration_id = $1), 0) AS last) range,
            generate_series(range.first, range.last, $2) s`,
    [id, chunkSize],
  );
  await tx.query(
    `UPDATE archive_mover_chunk c SET done = false, worker_id = NULL
      WHERE c.migration_id = $1 AND c.done
        AND EXISTS (SELECT 1 FROM archive_mover_document d
                     WHERE d.migration_id = $1 AND d.seq BETWEEN c.first_seq AND c.last_seq
                       AND d.state = ANY ($2))`,
    [id, move ? ['planned', 'copying', 'copied', 'switched', 'cleaning'] : ['planned', 'copying']],
  );
};

/** The logical buckets of the archive's rows, for a person whose --bucket matched none. */
export const listBuckets = async (db: Queryable, scope: Scope): Promise<readonly string[]> => {
  const { rows } = await db.query<{ bucket: string }>(
    `SELECT DISTINCT m.bucket FROM archive_metadata m
      WHERE ${archivePredicate(1)} AND starts_with(m.content_url, $3) ORDER BY 1`,
    scopeParameters(scope).slice(0, 3),
  );
  return rows.map((row) => row.bucket);
};
