import { AppError } from '../core/errors.ts';
import type { ErrorCode } from '../core/error-catalogue.ts';
import type { Queryable } from '../database/database.ts';
import { DOCUMENT_COLUMNS, type DocumentRecord, type DocumentRow, fromDocumentRow } from './document-record.ts';
import type { Fence } from './migration-store.ts';
import type { DocumentState } from './phases.ts';

/** The next documents in these states behind `afterSeq`, up to `lastSeq`, at most `limit`. */
export const listDocuments = async (
  db: Queryable,
  id: number,
  states: readonly DocumentState[],
  range: { readonly afterSeq: number; readonly lastSeq?: number; readonly limit: number },
): Promise<readonly DocumentRecord[]> => {
  const { rows } = await db.query<DocumentRow>(
    `SELECT ${DOCUMENT_COLUMNS} FROM archive_mover_document
      WHERE migration_id = $1 AND seq > $2 AND seq <= $3 AND state = ANY ($4) ORDER BY seq LIMIT $5`,
    [id, range.afterSeq, range.lastSeq ?? Number.MAX_SAFE_INTEGER, states, range.limit],
  );
  return rows.map(fromDocumentRow);
};

/** All documents in these states, a page at a time. */
export async function* pageDocuments(
  db: Queryable,
  id: number,
  states: readonly DocumentState[],
  pageSize: number,
): AsyncGenerator<readonly DocumentRecord[]> {
  let afterSeq = 0;
  for (;;) {
    const page = await listDocuments(db, id, states, { afterSeq, limit: pageSize });
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    afterSeq = last.seq;
  }
}

export type StateCounts = Readonly<Record<DocumentState, number>>;

export const countStates = async (db: Queryable, id: number): Promise<StateCounts> => {
  const { rows } = await db.query<{ state: DocumentState; count: number }>(
    `SELECT CASE WHEN state = 'copied' AND (SELECT unmarked FROM archive_mover_migration WHERE id = $1) THEN 'switched'
                 ELSE state END AS state, count(*) AS count
       FROM archive_mover_document WHERE migration_id = $1 GROUP BY 1`,
    [id],
  );
  const counts: Record<DocumentState, number> = {
    planned: 0,
    copying: 0,
    copied: 0,
    switched: 0,
    cleaning: 0,
    cleaned: 0,
    failed: 0,
    skipped: 0,
    dropped: 0,
  };
  for (const row of rows) counts[row.state] = row.count;
  return counts;
};

/** Bytes of the payloads of documents in these states, as far as their rows tell. */
export const sumSourceBytes = async (db: Queryable, id: number, states: readonly DocumentState[]): Promise<number> => {
  const { rows } = await db.query<{ bytes: number }>(
    `SELECT coalesce(sum(src_size), 0)::bigint AS bytes FROM archive_mover_document
      WHERE migration_id = $1 AND state = ANY ($2)`,
    [id, states],
  );
  return rows[0]?.bytes ?? 0;
};

/** How many documents each reason keeps from being moved. */
export const countReasons = async (
  db: Queryable,
  id: number,
  state: 'failed' | 'skipped',
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await db.query<{ code: string | null; count: number }>(
    `SELECT error_code AS code, count(*) AS count FROM archive_mover_document
      WHERE migration_id = $1 AND state = $2 GROUP BY error_code ORDER BY error_code`,
    [id, state],
  );
  return new Map(rows.map((row) => [row.code ?? 'unknown', row.count]));
};

/** A copied document that is to be proved once more. */
export type Unconfirmed = DocumentRecord & {
  readonly proveAgain: boolean;
  /** Of the copy, when it was last read and found right. */
  readonly version: string | null;
};

/**
 * Copied documents that must be proved before the switch. `unversioned`: instead those, whoever copied them, whose copy
 * has no version yet.
 */
export const listUnconfirmed = async (
  db: Queryable,
  fence: Fence,
  range: { readonly afterSeq: number; readonly lastSeq: number; readonly limit: number },
  unversioned: boolean,
): Promise<readonly Unconfirmed[]> => {
  const { rows } = await db.query<DocumentRow & { prove_again: boolean; dst_version: string | null }>(
    `SELECT ${DOCUMENT_COLUMNS}, prove_again, dst_version FROM archive_mover_document
      WHERE migration_id = $1 AND seq > $3 AND seq <= $4 AND state = 'copied'
        AND CASE WHEN $6 THEN dst_version IS NULL ELSE copied_epoch IS DISTINCT FROM $2 OR prove_again END
      ORDER BY seq LIMIT $5`,
    [fence.id, fence.epoch, range.afterSeq, range.lastSeq, range.limit, unversioned],
  );
  return rows.map((row) => ({ ...fromDocumentRow(row), proveAgain: row.prove_again, version: row.dst_version }));
};

export const getDocument = async (db: Queryable, id: number, seq: number): Promise<DocumentRecord> => {
  const { rows } = await db.query<DocumentRow>(
    `SELECT ${DOCUMENT_COLUMNS} FROM archive_mover_document WHERE migration_id = $1 AND seq = $2`,
    [id, seq],
  );
  if (rows[0] === undefined) throw new AppError('internal', `migration ${id} has no document ${seq}`);
  return fromDocumentRow(rows[0]);
};

/** Small documents that could be the first to be deleted: their rows still are what the switch made of them. */
export const listCanaryCandidates = async (db: Queryable, id: number): Promise<readonly DocumentRecord[]> => {
  const { rows } = await db.query<DocumentRow>(
    `SELECT ${DOCUMENT_COLUMNS.replaceAll(/\w+/g, 'd.$&')} FROM archive_mover_document d
       JOIN archive_metadata m ON m.bucket = d.bucket AND m."archiveId" = d.archive_id AND m."userId" = d.user_id
        AND m."documentName" = d.document_name AND m.content_url = d.dst_url AND m.digest = d.dst_digest
      WHERE d.migration_id = $1 AND d.state IN ('switched', 'cleaning') AND NOT d.foreign_source AND d.dst_size < 1000000
      ORDER BY d.owned, d.seq LIMIT 20`,
    [id],
  );
  return rows.map(fromDocumentRow);
};

/** Documents that are not to arrive, but whose copy (ours) may lie at the destination. */
export const listStrayCopies = async (
  db: Queryable,
  id: number,
  states: readonly DocumentState[],
  afterSeq: number,
  limit: number,
): Promise<readonly DocumentRecord[]> => {
  const { rows } = await db.query<DocumentRow>(
    `SELECT ${DOCUMENT_COLUMNS} FROM archive_mover_document
      WHERE migration_id = $1 AND state = ANY ($2) AND owned AND dst_url IS NOT NULL AND seq > $3 ORDER BY seq LIMIT $4`,
    [id, states, afterSeq, limit],
  );
  return rows.map(fromDocumentRow);
};

/** Documents that are done with, but whose object at the source could not go, and why. */
export const listLeftAtSource = async (
  db: Queryable,
  id: number,
): Promise<readonly { readonly seq: number; readonly code: ErrorCode; readonly text: string }[]> => {
  const { rows } = await db.query<{ seq: number; code: ErrorCode; text: string }>(
    `SELECT seq, error_code AS code, coalesce(error_text, '') AS text FROM archive_mover_document
      WHERE migration_id = $1 AND state = 'cleaned' AND error_code IS NOT NULL ORDER BY seq`,
    [id],
  );
  return rows;
};

/**
 * Documents that are not to arrive, for which something was sent to the destination whose outcome nobody knows. `createsOnly`:
 * what was to create there cannot replace anything.
 */
export const listUnsettledExceptions = async (
  db: Queryable,
  id: number,
  createsOnly: boolean,
): Promise<readonly number[]> => {
  const { rows } = await db.query<{ seq: number }>(
    `SELECT seq FROM archive_mover_document
      WHERE migration_id = $1 AND state IN ('failed', 'skipped', 'dropped')
        AND (delete_unsettled OR (unsettled AND (NOT $2 OR prev_digest IS NOT NULL)))`,
    [id, createsOnly],
  );
  return rows.map(({ seq }) => seq);
};

/** Documents that a migration has switched and left at its source, and whose row has gone since, in key order. */
export const listDeletedSince = async (
  db: Queryable,
  id: number,
  afterSeq: number,
  limit: number,
): Promise<readonly DocumentRecord[]> => {
  const { rows } = await db.query<DocumentRow>(
    `SELECT ${DOCUMENT_COLUMNS} FROM archive_mover_document d
      WHERE d.migration_id = $1 AND d.seq > $2 AND d.state = 'switched' AND NOT d.foreign_source AND d.read_digest IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM archive_metadata m
                         WHERE m.bucket = d.bucket AND m."archiveId" = d.archive_id AND m."userId" = d.user_id
                           AND m."documentName" = d.document_name)
      ORDER BY d.seq LIMIT $3`,
    [id, afterSeq, limit],
  );
  return rows.map(fromDocumentRow);
};
