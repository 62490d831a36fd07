import { AppError, isAppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import type { Chunk } from './claims.ts';
import { recordCurrentStore } from './current-store.ts';
import {
  enterPhase,
  holdFence,
  markRolledBack,
  type MigrationRecord,
  recordSwitch,
  takeTime,
  updateCounts,
} from './migration-store.ts';
import { refuseWhileServicesRun } from './quiescence.ts';
import type { Run } from './run.ts';
import { analyzeJournal } from './plan-store.ts';
import { archivePredicate, inScopeSql, scopeParameters } from './scope.ts';

const KEY_JOIN = `m.bucket = d.bucket AND m."archiveId" = d.archive_id AND m."userId" = d.user_id
                  AND m."documentName" = d.document_name`;
const UNCHANGED = `(m.content_url, m.digest, m.size, m.is_compressed, m.last_updated)
                   IS NOT DISTINCT FROM (d.src_url, d.src_digest, d.src_size, d.src_compressed, d.src_last_updated)`;

export type SwitchOutcome =
  | { readonly outcome: 'switched'; readonly documents: number; readonly seconds: number }
  /** Rows are not what was copied: nothing was changed; plan, copy and try again. */
  | { readonly outcome: 'changed'; readonly reason: string };

/** Rolls the switch back without being an error of its own. */
class RowsChanged extends Error {}

/**
 * Points the metadata of all copied documents to the destination, in one transaction on the session that holds the lock
 * (rules R4 to R6). `part` limits it to a chunk (`--move`); then rows outside of it may be as they like.
 */
export const switchDocuments = async (run: Run, part?: Chunk): Promise<SwitchOutcome> => {
  const { faults, record, epoch, session, settings } = run;
  const fence = { id: record.id, epoch };
  let started = performance.now();
  try {
    if (part === undefined) await analyzeJournal(session);
    started = performance.now();
    const documents = await session.transaction(async (tx) => {
      await takeTime(tx);
      await tx.query(`SELECT set_config('lock_timeout', $1, true), set_config('synchronous_commit', 'on', true)`, [
        `${settings.switchLockTimeoutMs}ms`,
      ]);
      await tx.query('LOCK TABLE archive_metadata IN SHARE ROW EXCLUSIVE MODE');
      await holdFence(tx, fence);
      if (!run.force) await refuseWhileServicesRun(tx, run.heartbeats);
      if (part === undefined) await throwIfRowsDiffer(tx, run);
      await faults.reach('switch.before-update');
      const count = await updateRows(tx, run, part);
      await updateCounts(tx, record.id);
      await enterPhase(tx, fence, part === undefined ? 'switched' : 'moving');
      // An archive without any document goes by its configuration; one whose documents are elsewhere stays where it is.
      if (count > 0 || (part === undefined && (await isArchiveEmpty(tx)))) {
        await recordSwitch(tx, fence, (performance.now() - started) / 1000);
        await recordCurrentStore(tx, record.id, run.to);
      }
      if (record.rollsBack !== undefined) await markRolledBack(tx, record.rollsBack);
      await faults.reach('switch.before-commit');
      return count;
    });
    await faults.reach('switch.after-commit');
    const seconds = (performance.now() - started) / 1000;
    run.progress({ type: 'switched', documents, seconds });
    return { outcome: 'switched', documents, seconds };
  } catch (error) {
    if (error instanceof RowsChanged) return { outcome: 'changed', reason: error.message };
    if (isAppError(error, 'database.timeout')) {
      throw new AppError('refused.services-running', 'another session holds archive_metadata locked', { cause: error });
    }
    throw error;
  }
};

const isArchiveEmpty = async (tx: Queryable): Promise<boolean> =>
  (await tx.query('SELECT 1 FROM archive_metadata LIMIT 1')).count === 0;

/** Every row in scope must be one that was copied as it is, or a listed exception (rule R6). */
const throwIfRowsDiffer = async (tx: Queryable, run: Run): Promise<void> => {
  const count = await countRowsNotCopied(tx, run.record);
  if (count > 0) throw new RowsChanged(`${count} rows changed or came since they were copied`);
};

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

const updateRows = async (tx: Queryable, run: Run, part: Chunk | undefined): Promise<number> => {
  const range = [part?.firstSeq ?? 0, part?.lastSeq ?? Number.MAX_SAFE_INTEGER];
  const updated = await tx.query(
    `UPDATE archive_metadata m
        SET content_url = d.dst_url, digest = d.dst_digest, size = d.dst_size, is_compressed = d.dst_compressed,
            last_updated = extract(epoch FROM clock_timestamp())::integer
       FROM archive_mover_document d
      WHERE d.migration_id = $1 AND d.seq BETWEEN $2 AND $3 AND d.state = 'copied' AND ${KEY_JOIN} AND ${UNCHANGED}`,
    [run.record.id, ...range],
  );
  const marked = await tx.query(
    `UPDATE archive_mover_document SET state = 'switched'
      WHERE migration_id = $1 AND seq BETWEEN $2 AND $3 AND state = 'copied'`,
    [run.record.id, ...range],
  );
  if (updated.count !== marked.count) {
    throw new RowsChanged(`${marked.count - updated.count} rows changed or went since they were copied`);
  }
  return updated.count;
};
