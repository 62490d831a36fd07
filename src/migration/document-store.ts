import type { Queryable } from '../database/database.ts';
import type { DocumentKey, ObjectRef } from '../drivers/contract.ts';
import type { ErrorCode } from '../core/error-catalogue.ts';
import { AppError } from '../core/errors.ts';
import { type Fence, lockLost } from './migration-store.ts';
import type { DocumentState, SkipReason } from './phases.ts';

/** One document of a migration, as its journal has it. */
export interface DocumentRecord {
  readonly seq: number;
  readonly key: DocumentKey;
  readonly state: DocumentState;
  readonly source: {
    readonly url: string;
    readonly digest: string | null;
    readonly sizeBytes: number | null;
    readonly compressed: boolean | null;
    readonly lastUpdated: number | null;
    /** Digest of the bytes that were copied; known from the intent on. */
    readonly readDigest: string | null;
  };
  /** Known from the intent on; digest, size and compressed from the copy on. */
  readonly destination:
    | {
        readonly url: string;
        readonly digest: string | null;
        readonly sizeBytes: number | null;
        readonly compressed: boolean | null;
      }
    | undefined;
  /** The digest intended before the present one: what a killed replacement may have left. */
  readonly previousDigest: string | null;
  readonly sha256: string | null;
  /** Nothing stood at the destination before our first write: what is there now is ours. */
  readonly owned: boolean;
  /** The destination already holds what a rollback needs: it is hashed, not written. */
  readonly reuse: boolean;
  /** The object at the source was there before us, and is never ours to delete. */
  readonly foreignSource: boolean;
  readonly attempts: number;
  readonly errorCode: string | null;
  readonly errorText: string | null;
}

interface Row {
  seq: number;
  bucket: string;
  archive_id: string;
  user_id: string;
  document_name: string;
  state: DocumentState;
  src_url: string | null;
  src_digest: string | null;
  src_size: number | null;
  src_compressed: boolean | null;
  src_last_updated: number | null;
  read_digest: string | null;
  dst_url: string | null;
  dst_digest: string | null;
  dst_size: number | null;
  dst_compressed: boolean | null;
  prev_digest: string | null;
  sha256: string | null;
  owned: boolean;
  reuse: boolean;
  foreign_source: boolean;
  attempts: number;
  error_code: string | null;
  error_text: string | null;
}

const COLUMNS = `seq, bucket, archive_id, user_id, document_name, state, src_url, src_digest, src_size, src_compressed,
  src_last_updated, read_digest, dst_url, dst_digest, dst_size, dst_compressed, prev_digest, sha256, owned, reuse, foreign_source, attempts,
  error_code, error_text`;

const fromRow = (row: Row): DocumentRecord => ({
  seq: row.seq,
  key: { userId: row.user_id, bucket: row.bucket, archiveId: row.archive_id, documentName: row.document_name },
  state: row.state,
  source: {
    url: row.src_url ?? '',
    digest: row.src_digest,
    sizeBytes: row.src_size,
    compressed: row.src_compressed,
    lastUpdated: row.src_last_updated,
    readDigest: row.read_digest,
  },
  destination:
    row.dst_url === null
      ? undefined
      : { url: row.dst_url, digest: row.dst_digest, sizeBytes: row.dst_size, compressed: row.dst_compressed },
  previousDigest: row.prev_digest,
  sha256: row.sha256,
  owned: row.owned,
  reuse: row.reuse,
  foreignSource: row.foreign_source,
  attempts: row.attempts,
  errorCode: row.error_code,
  errorText: row.error_text,
});

export const sourceRef = (document: DocumentRecord): ObjectRef => ({ key: document.key, url: document.source.url });
export const destinationRef = (document: DocumentRecord): ObjectRef => ({
  key: document.key,
  url: document.destination?.url ?? '',
});

/** The next documents in these states behind `afterSeq`, up to `lastSeq`, at most `limit`. */
export const listDocuments = async (
  db: Queryable,
  id: number,
  states: readonly DocumentState[],
  range: { readonly afterSeq: number; readonly lastSeq?: number; readonly limit: number },
): Promise<readonly DocumentRecord[]> => {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM archive_mover_document
      WHERE migration_id = $1 AND seq > $2 AND seq <= $3 AND state = ANY ($4) ORDER BY seq LIMIT $5`,
    [id, range.afterSeq, range.lastSeq ?? Number.MAX_SAFE_INTEGER, states, range.limit],
  );
  return rows.map(fromRow);
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
    'SELECT state, count(*) AS count FROM archive_mover_document WHERE migration_id = $1 GROUP BY state',
    [id],
  );
  const counts: Record<DocumentState, number> = {
    planned: 0, copying: 0, copied: 0, switched: 0, cleaning: 0, cleaned: 0, failed: 0, skipped: 0, dropped: 0,
  };
  for (const row of rows) counts[row.state] = row.count;
  return counts;
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

/**
 * Runs an UPDATE over an unnested list, fenced: it must change exactly as many rows as the list has, else another process
 * has taken over. `$1` is the migration, `$2` the epoch, lists follow.
 */
const updateFenced = async (
  db: Queryable,
  fence: Fence,
  set: string,
  from: string,
  where: string,
  lists: readonly (readonly unknown[])[],
): Promise<void> => {
  const { count } = await db.query(
    `WITH fence AS (SELECT id FROM archive_mover_migration WHERE id = $1 AND epoch = $2 FOR SHARE)
     UPDATE archive_mover_document d SET ${set} FROM fence, unnest(${from})
      WHERE d.migration_id = fence.id AND d.seq = u.seq ${where}`,
    [fence.id, fence.epoch, ...lists],
  );
  if (count !== (lists[0]?.length ?? 0)) throw lockLost(fence);
};

export interface Intent {
  readonly seq: number;
  readonly url: string;
  /** Nothing stood there: whatever appears with this digest (or the one intended before) is ours. */
  readonly owned: boolean;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly compressed: boolean;
  readonly sha256: string;
  /** What was read at the source: the row itself may not say. */
  readonly readDigest: string;
}

/**
 * Journals, before anything is written, where each document will go, as what, and whether something stands there
 * (rule R10). The digest intended before is kept, since a killed write leaves the one or the other.
 */
export const recordIntents = async (db: Queryable, fence: Fence, intents: readonly Intent[]): Promise<void> => {
  if (intents.length === 0) return;
  await updateFenced(
    db,
    fence,
    `state = 'copying', dst_url = u.url, owned = u.owned, attempts = d.attempts + 1,
     prev_digest = CASE WHEN d.dst_digest IS DISTINCT FROM u.digest THEN d.dst_digest ELSE d.prev_digest END,
     dst_digest = u.digest, dst_size = u.size, dst_compressed = u.compressed, sha256 = u.sha256,
     read_digest = u.read_digest`,
    `$3::bigint[], $4::text[], $5::boolean[], $6::text[], $7::bigint[], $8::boolean[], $9::text[], $10::text[])
       AS u(seq, url, owned, digest, size, compressed, sha256, read_digest`,
    `AND d.state IN ('planned', 'copying')`,
    [
      intents.map((i) => i.seq),
      intents.map((i) => i.url),
      intents.map((i) => i.owned),
      intents.map((i) => i.digest),
      intents.map((i) => i.sizeBytes),
      intents.map((i) => i.compressed),
      intents.map((i) => i.sha256),
      intents.map((i) => i.readDigest),
    ],
  );
};

export interface CopyRecord {
  readonly seq: number;
  readonly owned: boolean;
  /** An earlier write of this key may still land: prove again after a quiet period (rule R9). */
  readonly proveAgain: boolean;
}

/** Journals that the destination holds, proved, what the intent said. */
export const recordCopies = async (
  db: Queryable,
  fence: Fence,
  online: boolean,
  copies: readonly CopyRecord[],
): Promise<void> => {
  if (copies.length === 0) return;
  await updateFenced(
    db,
    fence,
    `state = 'copied', owned = u.owned, prove_again = u.prove_again, copied_epoch = $2, copied_online = ${online},
     error_code = NULL, error_text = NULL`,
    '$3::bigint[], $4::boolean[], $5::boolean[]) AS u(seq, owned, prove_again',
    `AND d.state = 'copying'`,
    [copies.map((c) => c.seq), copies.map((c) => c.owned), copies.map((c) => c.proveAgain)],
  );
};

export interface FailureRecord {
  readonly seq: number;
  readonly code: ErrorCode;
  readonly text: string;
}

export const recordFailures = async (
  db: Queryable,
  fence: Fence,
  failures: readonly FailureRecord[],
): Promise<void> => {
  if (failures.length === 0) return;
  await updateFenced(
    db,
    fence,
    `state = 'failed', error_code = u.code, error_text = u.text`,
    '$3::bigint[], $4::text[], $5::text[]) AS u(seq, code, text',
    `AND d.state IN ('planned', 'copying', 'copied')`,
    [failures.map((f) => f.seq), failures.map((f) => f.code), failures.map((f) => f.text)],
  );
};

export const recordSkips = async (
  db: Queryable,
  fence: Fence,
  skips: readonly { readonly seq: number; readonly reason: SkipReason }[],
): Promise<void> => {
  if (skips.length === 0) return;
  await updateFenced(
    db,
    fence,
    `state = 'skipped', error_code = u.reason`,
    '$3::bigint[], $4::text[]) AS u(seq, reason',
    `AND d.state IN ('planned', 'copying', 'failed')`,
    [skips.map((s) => s.seq), skips.map((s) => s.reason)],
  );
};

/** Sets a state for a list of documents, from one of the states named. */
export const moveDocuments = async (
  db: Queryable,
  fence: Fence,
  seqs: readonly number[],
  from: readonly DocumentState[],
  to: DocumentState,
): Promise<void> => {
  if (seqs.length === 0) return;
  const states = from.map((state) => `'${state}'`).join(', ');
  await updateFenced(db, fence, `state = '${to}'`, '$3::bigint[]) AS u(seq', `AND d.state IN (${states})`, [seqs]);
};

/** Journals why something could not be deleted, without a change of state: it is tried again. */
export const recordDeleteProblems = async (
  db: Queryable,
  fence: Fence,
  problems: readonly FailureRecord[],
): Promise<void> => {
  if (problems.length === 0) return;
  await updateFenced(
    db,
    fence,
    'error_code = u.code, error_text = u.text',
    '$3::bigint[], $4::text[], $5::text[]) AS u(seq, code, text',
    '',
    [problems.map((p) => p.seq), problems.map((p) => p.code), problems.map((p) => p.text)],
  );
};

/** Copies of an earlier process that have been proved once more (rules R9, R11). */
export const recordConfirmations = async (db: Queryable, fence: Fence, seqs: readonly number[]): Promise<void> => {
  if (seqs.length === 0) return;
  await updateFenced(
    db,
    fence,
    'copied_epoch = $2, prove_again = false',
    '$3::bigint[]) AS u(seq',
    `AND d.state = 'copied'`,
    [seqs],
  );
};

/** Copied documents that must be proved before the switch, behind `afterSeq`. */
export const listUnconfirmed = async (
  db: Queryable,
  fence: Fence,
  afterSeq: number,
  limit: number,
): Promise<readonly (DocumentRecord & { readonly proveAgain: boolean })[]> => {
  const { rows } = await db.query<Row & { prove_again: boolean }>(
    `SELECT ${COLUMNS}, prove_again FROM archive_mover_document
      WHERE migration_id = $1 AND seq > $3 AND state = 'copied' AND (copied_epoch IS DISTINCT FROM $2 OR prove_again)
      ORDER BY seq LIMIT $4`,
    [fence.id, fence.epoch, afterSeq, limit],
  );
  return rows.map((row) => ({ ...fromRow(row), proveAgain: row.prove_again }));
};

/** Forgets our copy of a document, once it has been removed. */
export const forgetCopies = async (db: Queryable, fence: Fence, seqs: readonly number[]): Promise<void> => {
  if (seqs.length === 0) return;
  await updateFenced(
    db,
    fence,
    'owned = false, dst_url = NULL, dst_digest = NULL, prev_digest = NULL, dst_size = NULL, dst_compressed = NULL',
    '$3::bigint[]) AS u(seq',
    '',
    [seqs],
  );
};

export const getDocument = async (db: Queryable, id: number, seq: number): Promise<DocumentRecord> => {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM archive_mover_document WHERE migration_id = $1 AND seq = $2`,
    [id, seq],
  );
  if (rows[0] === undefined) throw new AppError('internal', `migration ${id} has no document ${seq}`);
  return fromRow(rows[0]);
};

/** Small documents that could be the first to be deleted: their rows still are what the switch made of them. */
export const listCanaryCandidates = async (db: Queryable, id: number): Promise<readonly DocumentRecord[]> => {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS.replaceAll(/\w+/g, 'd.$&')} FROM archive_mover_document d
       JOIN archive_metadata m ON m.bucket = d.bucket AND m."archiveId" = d.archive_id AND m."userId" = d.user_id
        AND m."documentName" = d.document_name AND m.content_url = d.dst_url AND m.digest = d.dst_digest
      WHERE d.migration_id = $1 AND d.state IN ('switched', 'cleaning') AND NOT d.foreign_source AND d.dst_size < 1000000
      ORDER BY d.seq LIMIT 20`,
    [id],
  );
  return rows.map(fromRow);
};

/** Documents that are not to arrive, but whose copy (ours) may lie at the destination. */
export const listStrayCopies = async (
  db: Queryable,
  id: number,
  states: readonly DocumentState[],
  limit: number,
): Promise<readonly DocumentRecord[]> => {
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM archive_mover_document
      WHERE migration_id = $1 AND state = ANY ($2) AND owned AND dst_url IS NOT NULL ORDER BY seq LIMIT $3`,
    [id, states, limit],
  );
  return rows.map(fromRow);
};
