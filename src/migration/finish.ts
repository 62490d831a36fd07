import { AppError, isAppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import type { CleanProblem } from './clean.ts';
import { findCurrentStores } from './current-store.ts';
import { countReasons, countStates, listLeftAtSource, type StateCounts } from './document-store.ts';
import { enterPhase, holdFence, recordFinished, setTaskState, takeTime, updateCounts } from './migration-store.ts';
import type { Run } from './run.ts';
import { archiveOf } from './scope.ts';

/**
 * How a run ended. `complete`: every document in scope has arrived, or nothing had to be done. `stranded`: documents stayed
 * where the destination's configuration cannot read them.
 */
export interface MigrationResult {
  readonly id: number;
  readonly outcome: 'complete' | 'precopied' | 'failed-documents' | 'stranded' | 'delete-problems';
  readonly counts: StateCounts;
  readonly failures: ReadonlyMap<string, number>;
  readonly skipped: ReadonlyMap<string, number>;
  readonly problems: readonly CleanProblem[];
}

/** Whatever ends a run early leaves a state that says so; a kill leaves `running`, which the lock tells apart. */
export const guardRun = async (run: Run, work: () => Promise<MigrationResult>): Promise<MigrationResult> => {
  try {
    return await work();
  } catch (thrown) {
    const error = run.session.lost.aborted
      ? new AppError('database.lost', 'the connection that holds the migration lock was lost', { cause: thrown })
      : run.signal.aborted
        ? new AppError(
            'interrupted',
            `stopped by a signal; migration ${run.record.id} continues with the same command`,
            { cause: thrown },
          )
        : thrown;
    await rest(run, isAppError(error, 'interrupted') ? 'interrupted' : 'stopped').catch(() => undefined);
    throw error;
  }
};

const rest = async (run: Run, pause: 'interrupted' | 'stopped'): Promise<void> => {
  await run.db.transaction(async (tx) => {
    await takeTime(tx);
    await holdFence(tx, { id: run.record.id, epoch: run.epoch });
    await updateCounts(tx, run.record.id);
    await setTaskState(tx, run.record.id, pause === 'interrupted' ? 'pending' : 'failed', pause);
  });
};

/** Why a run ends before the last phase, or what it could not delete. */
export interface Ending {
  readonly pause?: 'precopied' | 'failed-documents';
  readonly problems?: readonly CleanProblem[];
}

/** Writes how it ended; no state says more than was done. */
export const finish = async (run: Run, ending: Ending): Promise<MigrationResult> => {
  const { db, record, epoch, faults } = run;
  const fence = { id: record.id, epoch };
  const isOver = ending.pause === undefined && (ending.problems ?? []).every((problem) => problem.final);
  return await db.transaction(async (tx) => {
    await takeTime(tx);
    await holdFence(tx, fence);
    const counts = await countStates(tx, record.id);
    const skipped = await countReasons(tx, record.id, 'skipped');
    throwIfUnsettled(ending, counts, record.keepSource);
    const problems = await gatherProblems(tx, record.id, ending);
    const missed = (skipped.get('skipped.elsewhere') ?? 0) > 0 && (await missesArchive(tx, run, counts));
    const outcome = judge(ending, counts, skipped, problems.length, missed);
    await updateCounts(tx, record.id);
    const state =
      outcome === 'complete' || outcome === 'stranded' ? 'complete' : outcome === 'precopied' ? 'pending' : 'failed';
    if (isOver && !record.keepSource) await enterPhase(tx, fence, 'cleaned');
    if (isOver) await recordFinished(tx, record.id);
    await setTaskState(tx, record.id, state, ending.pause ?? (isOver ? null : 'stopped'));
    await faults.reach('finish.before-commit');
    return { id: record.id, outcome, counts, failures: await countReasons(tx, record.id, 'failed'), skipped, problems };
  });
};

/** What stays at the source for good counts whoever found it, also a process that has died since, or an earlier batch. */
const gatherProblems = async (
  tx: Queryable,
  id: number,
  { pause, problems: found = [] }: Ending,
): Promise<readonly CleanProblem[]> => {
  if (pause !== undefined) return found;
  const seqs = new Set(found.map(({ seq }) => seq));
  const recorded = await listLeftAtSource(tx, id);
  return [...found, ...recorded.filter(({ seq }) => !seqs.has(seq)).map((left) => ({ ...left, final: true }))];
};

/** I4, checked by the one who says it: a run that has gone through to its end has left nothing half done. */
const throwIfUnsettled = (ending: Ending, counts: StateCounts, keepSource: boolean): void => {
  if (ending.pause !== undefined) return;
  const unsettled = counts.planned + counts.copying + counts.copied;
  const uncleaned = keepSource || (ending.problems ?? []).length > 0 ? 0 : counts.switched + counts.cleaning;
  if (unsettled + uncleaned > 0)
    throw new AppError('internal', `${unsettled + uncleaned} documents are not settled at the end`);
};

const judge = (
  ending: Ending,
  counts: StateCounts,
  skipped: ReadonlyMap<string, number>,
  problems: number,
  missed: boolean,
): MigrationResult['outcome'] => {
  if (ending.pause === 'precopied') return 'precopied';
  if (counts.failed > 0 || ending.pause === 'failed-documents') return 'failed-documents';
  if (problems > 0) return 'delete-problems';
  const stranded = (skipped.get('skipped.not-selected') ?? 0) + (skipped.get('skipped.not-undone') ?? 0);
  return missed || stranded > 0 ? 'stranded' : 'complete';
};

/**
 * Whether a run has found none of the archive's documents at its source, and none is known to be at its destination either:
 * then neither configuration works, which "complete" would hide. The same command after its end finds them arrived.
 */
export const missesArchive = async (tx: Queryable, { record }: Run, counts: StateCounts): Promise<boolean> => {
  const { planned, copying, copied, switched, cleaning, cleaned, failed } = counts;
  if (planned + copying + copied + switched + cleaning + cleaned + failed > 0) return false;
  const current = await findCurrentStores(tx, archiveOf(record.scope));
  return current.every(({ fingerprint }) => fingerprint !== record.to.fingerprint);
};
