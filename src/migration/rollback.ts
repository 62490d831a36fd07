import { AppError, toAppError, unreachable } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import { refuseUnlessApart } from './apart.ts';
import { findNewestSwitched, listArchives } from './archives.ts';
import { throwIfInterrupted } from './copy.ts';
import { countOf } from './describe.ts';
import { failUnfinishedDocuments } from './document-journal.ts';
import { countReasons, countStates } from './document-store.ts';
import { ensureTables } from './journal.ts';
import { openLockSession } from './lock.ts';
import { guardRun, type MigrationResult } from './finish.ts';
import { migrate } from './migrate.ts';
import { openRun } from './open-run.ts';
import {
  enterPhase,
  findRollbackOf,
  getMigration,
  holdFence,
  type MigrationRecord,
  recordFinished,
  setTaskState,
  takeTime,
  updateCounts,
} from './migration-store.ts';
import type { Environment, MigrateRequest, Side } from './requests.ts';
import type { Run } from './run.ts';
import { archiveOf, type ArchiveScope } from './scope.ts';
import { removeStrayCopies } from './stray-copies.ts';

export interface RollbackRequest {
  readonly id: number;
  /** The sides of the migration that is undone: its source and its destination. */
  readonly from: Side;
  readonly to: Side;
  /** Afterwards, delete what that migration wrote to its destination. */
  readonly deleteCopies: boolean;
  readonly force: boolean;
}

/**
 * Undoes a migration. Before its switch, that only ends it: nothing had changed. After the switch, and until its cleaning
 * has begun, it is the reverse migration that uses the old objects again after hashing them (rule R13): all or nothing,
 * and only for the newest switched migration of an archive. Throws `refused.cannot-roll-back`.
 */
export const rollback = async (env: Environment, request: RollbackRequest): Promise<MigrationResult> => {
  await ensureTables(env.db);
  const record = await getMigration(env.db, request.id);
  const plan = await planRollback(env.db, record, request);
  switch (plan) {
    case 'give-up':
      return abandon(env, request);
    case 'undo-after-retry':
      await endRetry(env, request);
      return rollback(env, request);
    case 'undo':
      return migrate(env, reverse(request, archiveOf(record.scope)), { online: false, rollsBack: record.id });
    case 'finish':
      return finishUndoing(env, request, archiveOf(record.scope));
    default:
      return unreachable(plan);
  }
};

/**
 * What a rollback would do: end a migration that has not been switched, or what is left of one; undo one, whose failed
 * documents may be under way again; finish, or merely confirm, an earlier rollback.
 */
export type RollbackPlan = 'give-up' | 'undo' | 'undo-after-retry' | 'finish';

const cannotRollBack = (id: number, why: string): AppError =>
  new AppError('refused.cannot-roll-back', `migration ${id} ${why}`, {
    remedy: 'Move the documents back with: migrate DESTINATION SOURCE.',
  });

/** Changes nothing. Throws `refused.cannot-roll-back`, `refused.changed-store`. */
export const planRollback = async (
  db: Queryable,
  record: MigrationRecord,
  request: RollbackRequest,
): Promise<RollbackPlan> => {
  refuseOtherStores(record, request);
  const cannot = (why: string): AppError => cannotRollBack(record.id, why);
  switch (record.phase) {
    case 'copying':
      if (record.switchedAt === undefined) return 'give-up';
      await refuseCleaned(db, record.id);
      return 'undo-after-retry';
    case 'switched':
      await refuseUnlessNewest(db, record);
      return 'undo';
    case 'rolled-back':
      return 'finish';
    case 'moving':
      if (record.switchedAt === undefined) return 'give-up';
      throw cannot('moves batch by batch, and some batches are gone from the source');
    case 'cleaning':
    case 'cleaned':
      throw cannot('has been cleaned, or cleaning has begun: documents are gone from the source');
    case 'abandoned':
      if (request.deleteCopies) return 'give-up'; // what an earlier end has left
      throw new AppError('refused.cannot-roll-back', `migration ${record.id} was ended before it switched anything`, {
        remedy: 'Nothing is to be undone; rollback with --delete-copies removes the copies that it left.',
      });
  }
};

/** `archive`: of the migration. What comes back are its documents, not all of the section into which they had gone. */
const reverse = (request: RollbackRequest, archive: ArchiveScope): MigrateRequest => ({
  from: { ...request.to, archive },
  to: request.from,
  buckets: [],
  keepSource: !request.deleteCopies,
  skipFailed: false,
  move: false,
  readBack: false,
  force: request.force,
});

const refuseUnlessNewest = async (db: Queryable, record: MigrationRecord): Promise<void> => {
  const pending = await findRollbackOf(db, record.id);
  for (const archive of await listArchives(db, archiveOf(record.scope))) {
    const newest = await findNewestSwitched(db, archive);
    if (newest === undefined || newest.id <= record.id || newest.id === pending?.id) continue;
    throw cannotRollBack(record.id, `is not the newest: migration ${newest.id} was switched after it`);
  }
};

const refuseCleaned = async (db: Queryable, id: number): Promise<void> => {
  const { cleaning, cleaned } = await countStates(db, id);
  if (cleaning + cleaned > 0) throw cannotRollBack(id, 'has been cleaned: documents are gone from the source');
};

/** Throws `refused.changed-store` where the configurations given are not those of the migration. */
const refuseOtherStores = (record: MigrationRecord, request: RollbackRequest): void => {
  for (const [side, journalled] of [
    [request.from, record.from],
    [request.to, record.to],
  ] as const) {
    if (side.store.identity.fingerprint === journalled.fingerprint) continue;
    throw new AppError(
      'refused.changed-store',
      `${side.config} names ${side.store.identity.description}; migration ${record.id} concerns ${journalled.description}`,
      { remedy: 'Name the configuration files of that migration with --from and --to.' },
    );
  }
};

/** A switched migration whose failed documents were being copied again goes back to what it was. */
const endRetry = async (env: Environment, request: RollbackRequest): Promise<void> => {
  await using session = await openLockSession(env.db);
  await refuseCleaned(env.db, request.id);
  const sides = { ...reverse(request, request.from.archive), from: request.from, to: request.to, keepSource: true };
  const run = await openRun(env, sides, { online: true, ending: true }, session, request.id);
  const fence = { id: run.record.id, epoch: run.epoch };
  await removeStrayCopies(run, ['planned', 'copying', 'copied', 'failed']);
  await env.db.transaction(async (tx) => {
    await takeTime(tx);
    await holdFence(tx, fence);
    await failUnfinishedDocuments(tx, request.id);
    await enterPhase(tx, fence, 'switched');
    await updateCounts(tx, request.id);
    await setTaskState(tx, request.id, 'failed', null);
    await recordFinished(tx, request.id);
  });
};

/** What a migration has come to, without changing it. */
const describeEnd = async ({ db }: Environment, id: number): Promise<MigrationResult> => ({
  id,
  outcome: 'complete',
  counts: await countStates(db, id),
  failures: await countReasons(db, id, 'failed'),
  skipped: await countReasons(db, id, 'skipped'),
  problems: [],
});

/** Ends a migration that has not been switched: nothing of the archive has changed. */
const abandon = async (env: Environment, request: RollbackRequest): Promise<MigrationResult> => {
  await using session = await openLockSession(env.db);
  if (request.deleteCopies)
    await refuseUnlessApart(
      env,
      await getMigration(env.db, request.id),
      request.to.store,
      request.from.store.identity.fingerprint,
    );
  const run = await openRun(
    env,
    { ...reverse(request, request.from.archive), from: request.from, to: request.to },
    { online: true, ending: true },
    session,
    request.id,
  );
  return await guardRun(run, () => endUnswitched(env, run, request.deleteCopies)); // awaited: the session must outlive it
};

const endUnswitched = async (env: Environment, run: Run, deleteThem: boolean): Promise<MigrationResult> => {
  const { db, record, epoch, log } = run;
  const fence = { id: record.id, epoch };
  run.progress({ type: 'phase', phase: 'finishing' });
  if (deleteThem) {
    // What a killed write has left half-way goes when a store is made ready; one that is full can still be deleted from.
    await run.to.driver.prepare(run.signal).catch((error: unknown) => {
      throwIfInterrupted(run.signal);
      log.warn(`The destination could not be made ready: ${toAppError(error).message}`);
    });
    const removed = await removeStrayCopies(run, ['planned', 'copying', 'copied', 'failed', 'dropped', 'skipped']);
    log.info(`Removed ${countOf(removed, 'copy').replace('copys', 'copies')} from the destination`);
  }
  await db.transaction(async (tx) => {
    await holdFence(tx, fence);
    await enterPhase(tx, fence, 'abandoned');
    await setTaskState(tx, record.id, 'failed', null);
  });
  log.info(`Migration ${record.id} is ended: it had not been switched, and the source configuration works as before`);
  return describeEnd(env, record.id);
};

/** Has been rolled back: finishes what a kill left of that, and deletes what the undone migration had written, if asked. */
const finishUndoing = async (
  env: Environment,
  request: RollbackRequest,
  archive: ArchiveScope,
): Promise<MigrationResult> => {
  const undoing = await findRollbackOf(env.db, request.id);
  if (undoing === undefined) throw new AppError('internal', `migration ${request.id} is rolled back by none`);
  if (undoing.finished && !request.deleteCopies) {
    env.log.info(`Migration ${request.id} is rolled back already, by migration ${undoing.id}: nothing to do`);
    return describeEnd(env, undoing.id);
  }
  return migrate(env, reverse(request, archive), {
    online: false,
    id: undoing.id,
    rollsBack: request.id,
    cleanOnly: true,
  });
};
