import type { Store } from '../archive/store.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { Session } from '../database/database.ts';
import { relateStores, type Relation } from './aliases.ts';
import { cleanSource, removeStrayCopies } from './clean.ts';
import { confirmCopies } from './confirm.ts';
import { copyDocuments } from './copy.ts';
import { countOf } from './describe.ts';
import type { FailureRecord } from './document-journal.ts';
import { countReasons, countStates, type StateCounts } from './document-store.ts';
import { ensureTables } from './journal.ts';
import { openLockSession } from './lock.ts';
import {
  enterPhase,
  findUnfinished,
  findWithFailures,
  getMigration,
  holdFence,
  insertMigration,
  type MigrationRecord,
  type NewMigration,
  recordFinished,
  setTaskState,
  type StoreRecord,
  takeOver,
  updateCounts,
} from './migration-store.ts';
import { planDocuments } from './plan.ts';
import { heedConditions, refuseUnsafe } from './preflight.ts';
import type { Environment, MigrateRequest, Side } from './requests.ts';
import type { Run } from './run.ts';
import { haveIdenticalUrls, planScope } from './scope.ts';
import { switchDocuments } from './switch.ts';

/** How a run ended. `complete`: every document in scope has arrived, or nothing had to be done. */
export interface MigrationResult {
  readonly id: number;
  readonly outcome: 'complete' | 'precopied' | 'failed-documents' | 'stranded' | 'delete-problems';
  readonly counts: StateCounts;
  readonly failures: ReadonlyMap<string, number>;
  readonly skipped: ReadonlyMap<string, number>;
  readonly problems: readonly FailureRecord[];
  /** How long the switch held the archive, in seconds; undefined where nothing was switched. */
  readonly switchSeconds: number | undefined;
}

export interface RunOptions {
  /** Copy only, with services running; change no metadata, delete nothing. */
  readonly online: boolean;
  /** Continue this migration, and no other. */
  readonly id?: number;
  /** This run is the rollback of that migration. */
  readonly rollsBack?: number;
  /** Only delete from the source what that migration has switched. */
  readonly cleanOnly?: boolean;
}

/** An earlier migration that this run continues, and where: copying (again), or only cleaning. */
interface Resumable {
  readonly record: MigrationRecord;
  readonly entry: 'copy' | 'clean';
}

/**
 * Moves the archive: plan, copy, switch, clean; or continues where an earlier run was. The protocol and why it cannot lose
 * a document: ARCHITECTURE.md.
 */
export const migrate = async (
  env: Environment,
  request: MigrateRequest,
  options: RunOptions,
): Promise<MigrationResult> => {
  await ensureTables(env.db);
  await using session = await openLockSession(env.db);
  const found = await findResumable(env, request, options);
  const rowsMoved = found?.record.switchedAt !== undefined;
  await refuseUnsafe(env, request, { online: options.online, rowsMoved });
  const run = await openRun(env, request, options, session, found?.record.id);
  return await guardRun(run, () => perform(run, request, found)); // awaited: the session must outlive it
};

/** The migration that this request continues; undefined for a new one. Throws `refused.unfinished`, `refused.changed-store`. */
const findResumable = async (
  env: Environment,
  request: MigrateRequest,
  options: RunOptions,
): Promise<Resumable | undefined> => {
  const from = request.from.store.identity.fingerprint;
  const to = request.to.store.identity.fingerprint;
  const found = await findCandidate(env, from, to, options);
  if (found === undefined) return undefined;
  const { record } = found;
  if (options.id !== undefined && record.id !== options.id) {
    throw new AppError('refused.unfinished', `migration ${record.id} is the unfinished one, not ${options.id}`);
  }
  if (record.from.fingerprint !== from || record.to.fingerprint !== to || record.rollsBack !== options.rollsBack) {
    const named = `${record.from.description} -> ${record.to.description}`;
    throw new AppError(
      'refused.unfinished',
      options.id === undefined
        ? `migration ${record.id} (${named}) is unfinished, and this is another pair of stores`
        : `migration ${record.id} is ${named}, and the configurations name other stores`,
      {
        remedy:
          options.id === undefined
            ? `Continue it with: resume ${record.id}; or end it with: rollback ${record.id} (nothing is lost either way).`
            : 'Name the configuration files of that migration with --from and --to.',
      },
    );
  }
  if (options.online && found.entry === 'clean') {
    throw new AppError('refused.unfinished', `migration ${record.id} has been switched and is not cleaned yet`);
  }
  if (found.entry === 'copy') refuseChangedCodec(record, request.to);
  return found;
};

const findCandidate = async (
  env: Environment,
  from: string,
  to: string,
  options: RunOptions,
): Promise<Resumable | undefined> => {
  if (options.cleanOnly === true && options.id !== undefined) {
    const record = await getMigration(env.db, options.id);
    if (record.phase === 'switched' || record.phase === 'cleaning') return { record, entry: 'clean' };
    throw new AppError(
      'refused.not-clean',
      `migration ${record.id} is ${record.phase}: its source is not to be cleaned`,
    );
  }
  const unfinished = await findUnfinished(env.db);
  if (unfinished !== undefined && unfinished.id !== options.rollsBack) {
    return {
      record: unfinished,
      entry: unfinished.phase === 'switched' || unfinished.phase === 'cleaning' ? 'clean' : 'copy',
    };
  }
  if (options.rollsBack !== undefined) return undefined;
  const incomplete = await findWithFailures(env.db, from, to);
  if (incomplete !== undefined) return { record: incomplete, entry: 'copy' };
  if (options.id === undefined) return undefined;
  const { phase } = await getMigration(env.db, options.id);
  throw new AppError('refused.unfinished', `migration ${options.id} is ${phase}: there is nothing to resume`);
};

const refuseChangedCodec = (record: MigrationRecord, to: Side): void => {
  const { codec } = to.store;
  if (record.to.codec.enabled === codec.enabled && record.to.codec.minSizeKbytes === codec.minSizeKbytes) return;
  throw new AppError(
    'refused.changed-store',
    `migration ${record.id} began with compression ${JSON.stringify(record.to.codec)}; the configuration now says ${JSON.stringify(codec)}`,
  );
};

const prepareStores = async (env: Environment, request: MigrateRequest, online: boolean): Promise<Relation> => {
  await request.to.store.driver.prepare(env.signal);
  await heedConditions(env, request, online);
  return relateStores(request.from.store, request.to.store, env.signal);
};

/**
 * Prepares the stores, and creates the migration or takes over the one with the id: from here on, an earlier process's
 * writes are void.
 */
export const openRun = async (
  env: Environment,
  request: MigrateRequest,
  options: RunOptions,
  session: Session,
  foundId: number | undefined,
): Promise<Run> => {
  const { db, log } = env;
  const { online } = options;
  const relation = await prepareStores(env, request, online);
  const found = foundId === undefined ? undefined : await getMigration(db, foundId);
  const destinationWasEmpty = found?.destinationWasEmpty ?? (await isEmpty(request.to.store, env.signal));
  const { id, epoch } = await db.transaction(async (tx) => {
    const id =
      found?.id ??
      (await insertMigration(
        tx,
        describeMigration(env, request, options, destinationWasEmpty),
        env.executorId,
        online,
      ));
    const moving = found?.phase === 'moving'; // neither configuration reads all: only going on helps
    const epoch = await takeOver(tx, id, env.executorId, {
      keepSource: request.keepSource && !moving,
      move: request.move || moving,
      fromConfig: request.from.config,
      toConfig: request.to.config,
    });
    return { id, epoch };
  });
  log.info(`Migration Task Id: ${id}`);
  return {
    db,
    session,
    from: request.from.store,
    to: request.to.store,
    record: await getMigration(db, id),
    executor: env.executorId,
    epoch,
    readBack: request.readBack,
    sharedNamespace: relation.sharedNamespace,
    force: request.force,
    online,
    settings: env.settings,
    faults: env.faults,
    log,
    signal: AbortSignal.any([env.signal, session.lost]),
    progress: env.progress,
  };
};

const describeMigration = (
  env: Environment,
  request: MigrateRequest,
  options: RunOptions,
  destinationWasEmpty: boolean,
): NewMigration => ({
  kind: options.rollsBack === undefined ? 'migrate' : 'rollback',
  rollsBack: options.rollsBack,
  from: storeRecord(request.from),
  to: storeRecord(request.to),
  scope: planScope(request.from.store.driver, request.from.archive, request.buckets),
  identicalUrls: haveIdenticalUrls(request.from.store.driver, request.to.store.driver),
  destinationWasEmpty,
  keepSource: request.keepSource,
  move: request.move,
  toolVersion: env.toolVersion,
});

export const storeRecord = ({ store, config }: Side): StoreRecord => ({
  ...store.identity,
  config,
  codec: store.codec,
});

/** Whether the store surely holds nothing: then what appears in it is ours. */
const isEmpty = async ({ driver }: Store, signal: AbortSignal): Promise<boolean> => {
  if (!driver.capabilities.strongListing) return false;
  for await (const _ of driver.list(signal)) return false;
  return true;
};

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
    await holdFence(tx, { id: run.record.id, epoch: run.epoch });
    await updateCounts(tx, run.record.id);
    await setTaskState(tx, run.record.id, pause === 'interrupted' ? 'pending' : 'failed', pause);
  });
};

const perform = async (run: Run, request: MigrateRequest, found: Resumable | undefined): Promise<MigrationResult> => {
  const { record, log } = run;
  if (found !== undefined) await sayResumed(run);
  let switchSeconds: number | undefined;
  if (found?.entry !== 'clean') {
    log.info('Entering main migration loop');
    if (record.move && !run.online) {
      switchSeconds = await moveByBatches(run);
    } else {
      const ready = await copyAll(run, request.skipFailed);
      if (run.online) return finish(run, { pause: 'precopied' });
      if (ready) switchSeconds = await switchAll(run, request.skipFailed);
      if (switchSeconds === undefined) return finish(run, { pause: 'failed-documents' });
    }
  }
  await removeStrayCopies(run, ['dropped', 'skipped', 'failed']);
  const problems = record.keepSource ? [] : (await cleanSource(run)).problems;
  return finish(run, { problems, switchSeconds });
};

const sayResumed = async (run: Run): Promise<void> => {
  const counts = await countStates(run.db, run.record.id);
  const done = counts.copied + counts.switched + counts.cleaning + counts.cleaned;
  run.log.info(
    `Resuming migration ${run.record.id} in phase ${run.record.phase}: ${countOf(done, 'document')} done before, ` +
      `${counts.planned + counts.copying + counts.failed} to copy, ${counts.switched + counts.cleaning} to clean`,
  );
};

/** Plans, copies and confirms until nothing is left to do. false: documents failed and are not to be skipped. */
const copyAll = async (run: Run, skipFailed: boolean): Promise<boolean> => {
  let first = true;
  for (;;) {
    await planDocuments(run, first);
    first = false;
    await copyDocuments(run);
    const { failed } = await countStates(run.db, run.record.id);
    if (run.online) return true;
    if (failed > 0 && !skipFailed) return false;
    if ((await confirmCopies(run)) === 0) return true;
  }
};

/** Tries the switch, copying what changed in between; undefined where that made documents fail. */
const switchAll = async (run: Run, skipFailed: boolean): Promise<number | undefined> => {
  for (let attempt = 1; ; attempt += 1) {
    const result = await switchDocuments(run);
    if (result.outcome === 'switched') {
      run.log.info(
        `Switched ${countOf(result.documents, 'document')} in ${result.seconds.toFixed(2)} s: the destination configuration is the one that works now. ` +
          'Database backups from before no longer match the stores.',
      );
      return result.seconds;
    }
    if (attempt >= run.settings.switchAttempts) {
      throw new AppError('refused.still-changing', `${result.reason}, ${attempt} times`);
    }
    run.log.info(`Not switched yet: ${result.reason}; copying them again`);
    if (!(await copyAll(run, skipFailed))) return undefined;
  }
};

/** `--move`: copies, switches and cleans a chunk at a time, for those without room for two copies. */
const moveByBatches = async (run: Run): Promise<number> => {
  run.log.warn(
    '--move: until the end, some documents are at the source and some at the destination, and neither configuration reads all',
  );
  await run.db.transaction(async (tx) => {
    await holdFence(tx, { id: run.record.id, epoch: run.epoch });
    await enterPhase(tx, { id: run.record.id, epoch: run.epoch }, 'moving');
  });
  let seconds = 0;
  await planDocuments(run, true);
  await copyDocuments(run, async (chunk) => {
    if ((await confirmCopies(run)) > 0) {
      throw new AppError(
        'document.unproven',
        'copies of an earlier run are no longer at the destination; run the same command again',
      );
    }
    const result = await switchDocuments(run, chunk);
    if (result.outcome === 'changed') throw new AppError('refused.still-changing', result.reason);
    seconds += result.seconds;
    if (!run.record.keepSource) await cleanSource(run, chunk);
  });
  return seconds;
};

interface Ending {
  readonly pause?: 'precopied' | 'failed-documents';
  readonly problems?: readonly FailureRecord[];
  readonly switchSeconds?: number | undefined;
}

/** Writes how it ended; no state says more than was done. */
export const finish = async (run: Run, ending: Ending): Promise<MigrationResult> => {
  const { db, record, epoch, faults } = run;
  const fence = { id: record.id, epoch };
  const problems = ending.problems ?? [];
  const result = await db.transaction(async (tx) => {
    await holdFence(tx, fence);
    const counts = await countStates(tx, record.id);
    const skipped = await countReasons(tx, record.id, 'skipped');
    const outcome = judge(ending, counts, skipped, problems.length);
    await updateCounts(tx, record.id);
    const state =
      outcome === 'complete' || outcome === 'stranded' ? 'complete' : outcome === 'precopied' ? 'pending' : 'failed';
    if (ending.pause === undefined && !record.keepSource && problems.length === 0)
      await enterPhase(tx, fence, 'cleaned');
    if (ending.pause === undefined && problems.length === 0) await recordFinished(tx, record.id);
    await setTaskState(tx, record.id, state, ending.pause ?? (problems.length > 0 ? 'stopped' : null));
    await faults.reach('finish.before-commit');
    return { id: record.id, outcome, counts, failures: await countReasons(tx, record.id, 'failed'), skipped, problems };
  });
  return { ...result, switchSeconds: ending.switchSeconds };
};

const judge = (
  ending: Ending,
  counts: StateCounts,
  skipped: ReadonlyMap<string, number>,
  problems: number,
): MigrationResult['outcome'] => {
  if (ending.pause === 'precopied') return 'precopied';
  if (counts.failed > 0 || ending.pause === 'failed-documents') return 'failed-documents';
  if (problems > 0) return 'delete-problems';
  return (skipped.get('skipped.not-selected') ?? 0) > 0 ? 'stranded' : 'complete';
};
