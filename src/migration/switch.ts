import { AppError, isAppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import type { Chunk } from './claims.ts';
import { recordCurrentStore } from './current-store.ts';
import { addMigrated, enterPhase, holdFence, markRolledBack, recordSwitch, takeTime } from './migration-store.ts';
import { refuseWhileServicesRun } from './quiescence.ts';
import type { Run } from './run.ts';
import { analyzeJournal } from './plan-store.ts';
import { archivePredicate, type Scope, scopeParameters } from './scope.ts';
import { leaveUnmarked, markSwitchedDocuments } from './switch-marks.ts';
import { RowsChanged, updateAllRows, updateRowsOfChunk } from './switch-store.ts';

export type SwitchOutcome =
  | {
      readonly outcome: 'switched';
      readonly documents: number;
      /** From the wait for the lock to the commit: for so long others could not write to the archive. */
      readonly seconds: number;
      /** As much of it as is in the journal; undefined where the archive has not moved. */
      readonly recordedSeconds: number | undefined;
      /** From the check that no service runs to the commit: for so long they had to be stopped. */
      readonly stoppedSeconds: number;
    }
  /** Rows are not what was copied: nothing was changed; plan, copy and try again. */
  | { readonly outcome: 'changed'; readonly reason: string };

/**
 * Points the metadata of all copied documents to the destination, in one transaction on the session that holds the lock
 * (rules R4 to R6). `part` limits it to a chunk (`--move`); then rows outside of it may be as they like.
 */
export const switchDocuments = async (run: Run, part?: Chunk): Promise<SwitchOutcome> => {
  const result = await trySwitch(run, part);
  if (result.outcome === 'changed') return result;
  if (result.recordedSeconds !== undefined) {
    // What the commit took is known only now: whoever reads the journal is told the same as whoever watched.
    await recordSwitch(run.db, { id: run.record.id, epoch: run.epoch }, result.seconds - result.recordedSeconds);
  }
  if (part === undefined) await markSwitchedDocuments(run.db);
  return result;
};

const trySwitch = async (run: Run, part: Chunk | undefined): Promise<SwitchOutcome> => {
  const { faults, record, epoch, session, settings } = run;
  const fence = { id: record.id, epoch };
  let started = performance.now();
  let recordedSeconds: number | undefined;
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
      await faults.reach('switch.before-update');
      const count = await (part === undefined ? updateAllRows(tx, record) : updateRowsOfChunk(tx, record.id, part));
      await addMigrated(tx, record.id, count);
      await enterPhase(tx, fence, part === undefined ? 'switched' : 'moving');
      // Their records follow after the commit: writers wait for nothing that this statement can say alone.
      if (part === undefined) await leaveUnmarked(tx, fence);
      // An archive without any document goes by its configuration; one whose documents are elsewhere stays where it is.
      if (count > 0 || (part === undefined && (await isArchiveEmpty(tx, record.scope)))) {
        recordedSeconds = (performance.now() - started) / 1000;
        await recordSwitch(tx, fence, recordedSeconds);
        await recordCurrentStore(tx, record, run.to);
      }
      if (record.rollsBack !== undefined) await markRolledBack(tx, record.rollsBack);
      await faults.reach('switch.before-commit');
      return count;
    });
    await faults.reach('switch.after-commit');
    const seconds = (performance.now() - started) / 1000;
    const stoppedSeconds = (performance.now() - run.checkedAtMs) / 1000;
    if (recordedSeconds !== undefined) run.progress({ type: 'switched', documents, seconds });
    return { outcome: 'switched', documents, seconds, recordedSeconds, stoppedSeconds };
  } catch (error) {
    if (error instanceof RowsChanged) return { outcome: 'changed', reason: error.message };
    if (isAppError(error, 'database.timeout')) {
      throw new AppError('refused.services-running', 'another session holds archive_metadata locked', { cause: error });
    }
    throw error;
  }
};

const isArchiveEmpty = async (tx: Queryable, scope: Scope): Promise<boolean> => {
  const sql = `SELECT 1 FROM archive_metadata m WHERE ${archivePredicate(1)} LIMIT 1`;
  return (await tx.query(sql, scopeParameters(scope).slice(0, 2))).count === 0;
};
