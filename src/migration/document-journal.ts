import type { ErrorCode } from '../core/error-catalogue.ts';
import type { Queryable } from '../database/database.ts';
import { type Fence, lockLost } from './migration-store.ts';
import type { DocumentState, SkipReason } from './phases.ts';

/**
 * Runs an UPDATE over an unnested list, fenced: it must change exactly as many rows as the list has, else another process
 * has taken over. `$1` is the migration, `$2` the epoch, lists follow, `seq` first. `= ANY` keeps the plan on the primary
 * key, however wrong the statistics of a journal are whose states change all the time.
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
      WHERE d.migration_id = fence.id AND d.migration_id = $1 AND d.seq = u.seq AND d.seq = ANY ($3) ${where}`,
    [fence.id, fence.epoch, ...lists],
  );
  if (count !== (lists[0]?.length ?? 0)) throw lockLost(fence);
};

/** The same where every row gets the same values: any number of rows. */
const updateAllFenced = async (
  db: Queryable,
  fence: Fence,
  set: string,
  where: string,
  seqs: readonly number[],
): Promise<void> => {
  const { count } = await db.query(
    `WITH fence AS (SELECT id FROM archive_mover_migration WHERE id = $1 AND epoch = $2 FOR SHARE)
     UPDATE archive_mover_document d SET ${set} FROM fence
      WHERE d.migration_id = fence.id AND d.migration_id = $1 AND d.seq = ANY ($3::bigint[]) ${where}`,
    [fence.id, fence.epoch, seqs],
  );
  if (count !== seqs.length) throw lockLost(fence);
};

export interface Intent {
  readonly seq: number;
  readonly url: string;
  /** Nothing stood there: whatever appears with this digest (or the one intended before) is ours. */
  readonly owned: boolean;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly compressed: boolean;
  /** undefined where a store copies within itself, and the content is not seen. */
  readonly sha256: string | undefined;
  /** What was read at the source: the row itself may not say. */
  readonly readDigest: string;
  /** The digest of our own object that stands there and will be replaced. */
  readonly foundDigest: string | undefined;
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
    `state = 'copying', dst_url = u.url, owned = u.owned, attempts = d.attempts + 1, unsettled = true,
     prev_digest = coalesce(u.found, CASE WHEN d.dst_digest IS DISTINCT FROM u.digest THEN d.dst_digest END, d.prev_digest),
     dst_digest = u.digest, dst_version = NULL, dst_size = u.size, dst_compressed = u.compressed, sha256 = u.sha256,
     read_digest = u.read_digest`,
    `$3::bigint[], $4::text[], $5::boolean[], $6::text[], $7::bigint[], $8::boolean[], $9::text[], $10::text[], $11::text[])
       AS u(seq, url, owned, digest, size, compressed, sha256, read_digest, found`,
    `AND d.state IN ('planned', 'copying')`,
    [
      intents.map((i) => i.seq),
      intents.map((i) => i.url),
      intents.map((i) => i.owned),
      intents.map((i) => i.digest),
      intents.map((i) => i.sizeBytes),
      intents.map((i) => i.compressed),
      intents.map((i) => i.sha256 ?? null),
      intents.map((i) => i.readDigest),
      intents.map((i) => i.foundDigest ?? null),
    ],
  );
};

export interface CopyRecord {
  readonly seq: number;
  readonly owned: boolean;
  /** The outcome of an earlier write of this key is not known: nor is it for whoever writes it next. */
  readonly unsettled: boolean;
  /** That write may still land: prove again after a quiet period (rule R9). */
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
    `state = 'copied', owned = u.owned, unsettled = u.unsettled, prove_again = u.prove_again, copied_epoch = $2, copied_online = ${online},
     error_code = NULL, error_text = NULL`,
    '$3::bigint[], $4::boolean[], $5::boolean[], $6::boolean[]) AS u(seq, owned, unsettled, prove_again',
    `AND d.state = 'copying'`,
    [
      copies.map((c) => c.seq),
      copies.map((c) => c.owned),
      copies.map((c) => c.unsettled),
      copies.map((c) => c.proveAgain),
    ],
  );
};

/** Journals what our own write has left at a destination that keeps other bytes than it was sent: it is ours to replace or remove. */
export const recordLeftover = async (db: Queryable, fence: Fence, seq: number, digest: string): Promise<void> => {
  await updateFenced(
    db,
    fence,
    'prev_digest = u.digest',
    '$3::bigint[], $4::text[]) AS u(seq, digest',
    `AND d.state = 'copying'`,
    [[seq], [digest]],
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
  await updateAllFenced(db, fence, `state = '${to}'`, `AND d.state IN (${states})`, seqs);
};

/** Journals, before they are deleted, that the objects of these are to go; what was said of an earlier try is over. */
export const recordDeleteIntents = async (db: Queryable, fence: Fence, seqs: readonly number[]): Promise<void> => {
  if (seqs.length === 0) return;
  await updateAllFenced(
    db,
    fence,
    `state = 'cleaning', delete_unsettled = true, error_code = NULL, error_text = NULL`,
    `AND d.state IN ('switched', 'cleaning')`,
    seqs,
  );
};

/** Journals, before our copies are deleted, that these are to go. */
export const recordStrayDeletes = (db: Queryable, fence: Fence, seqs: readonly number[]): Promise<void> =>
  seqs.length === 0 ? Promise.resolve() : updateAllFenced(db, fence, 'delete_unsettled = true', '', seqs);

/** Their objects are gone, or stay for good. `settled`: nothing that was sent for them can take effect later. */
export const recordCleaned = (db: Queryable, fence: Fence, seqs: readonly number[], settled: boolean): Promise<void> =>
  seqs.length === 0
    ? Promise.resolve()
    : updateAllFenced(
        db,
        fence,
        `state = 'cleaned'${settled ? ', delete_unsettled = false' : ''}`,
        `AND d.state = 'cleaning'`,
        seqs,
      );

/** The only request to delete them has been answered: none can take effect later. */
export const recordSettledDeletes = (db: Queryable, fence: Fence, seqs: readonly number[]): Promise<void> =>
  seqs.length === 0 ? Promise.resolve() : updateAllFenced(db, fence, 'delete_unsettled = false', '', seqs);

/** What an earlier cleaning had left at the source is tried again; the caller holds the fence. */
export const reopenLeftAtSource = async (tx: Queryable, id: number): Promise<void> => {
  await tx.query(
    `UPDATE archive_mover_document SET state = 'switched' WHERE migration_id = $1 AND state = 'cleaned' AND error_code IS NOT NULL`,
    [id],
  );
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

export interface Confirmation {
  readonly seq: number;
  /** What the object was when it was read and found right; undefined where the store does not say. */
  readonly version: string | undefined;
}

/** Copies that have been proved once more (rules R9, R11). */
export const recordConfirmations = async (
  db: Queryable,
  fence: Fence,
  confirmations: readonly Confirmation[],
): Promise<void> => {
  if (confirmations.length === 0) return;
  await updateFenced(
    db,
    fence,
    `copied_epoch = $2, unsettled = d.unsettled AND NOT d.prove_again,
     delete_unsettled = d.delete_unsettled AND NOT d.prove_again, prove_again = false, dst_version = u.version`,
    '$3::bigint[], $4::text[]) AS u(seq, version',
    `AND d.state = 'copied'`,
    [confirmations.map(({ seq }) => seq), confirmations.map(({ version }) => version ?? null)],
  );
};

/** What was sent for these has had the time to take effect (rule R9). */
export const recordLanded = (db: Queryable, fence: Fence, seqs: readonly number[]): Promise<void> =>
  updateAllFenced(db, fence, 'unsettled = false, delete_unsettled = false', '', seqs);

/** Copies that are not at the destination any more: made anew, and proved again, since it does not keep what it acknowledges. */
export const recordLosses = async (db: Queryable, fence: Fence, seqs: readonly number[]): Promise<void> => {
  if (seqs.length === 0) return;
  await updateAllFenced(db, fence, `state = 'planned', unsettled = true`, `AND d.state = 'copied'`, seqs);
};

/** Forgets our copy of a document, once it has been removed; but not what may still be written there (rule R9). */
export const forgetCopies = async (db: Queryable, fence: Fence, seqs: readonly number[]): Promise<void> => {
  if (seqs.length === 0) return;
  await updateAllFenced(
    db,
    fence,
    `owned = false, dst_url = NULL, dst_digest = NULL, dst_size = NULL, dst_compressed = NULL,
     prev_digest = CASE WHEN d.unsettled THEN d.dst_digest END`,
    '',
    seqs,
  );
};

/** What was being copied when that was ended stays where it was; the caller holds the fence. */
export const failUnfinishedDocuments = async (tx: Queryable, id: number): Promise<void> => {
  await tx.query(
    `UPDATE archive_mover_document
        SET state = 'failed', error_code = 'interrupted', error_text = 'the copying was ended before it was done'
      WHERE migration_id = $1 AND state IN ('planned', 'copying', 'copied')`,
    [id],
  );
};
