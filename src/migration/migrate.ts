import { AppError } from '../core/errors.ts';
import { type CleanProblem, cleanSource } from './clean.ts';
import { refuseUnlessApart } from './apart.ts';
import type { Chunk } from './claims.ts';
import { confirmCopies, confirmPrecopied, letLateRequestsLand } from './confirm.ts';
import { copyDocuments } from './copy.ts';
import { countOf } from './describe.ts';
import { countStates } from './document-store.ts';
import { finish, guardRun, type MigrationResult, missesArchive } from './finish.ts';
import { ensureTables } from './journal.ts';
import { openLockSession } from './lock.ts';
import { enterPhase, holdFence } from './migration-store.ts';
import { openRun } from './open-run.ts';
import type { RunPhase } from './run-store.ts';
import { planDocuments, planFailedDocuments } from './plan.ts';
import { refuseUnsafe } from './preflight.ts';
import type { Environment, MigrateRequest, RunOptions } from './requests.ts';
import { findResumable, type Resumable } from './resumable.ts';
import type { Run } from './run.ts';
import { removeStrayCopies } from './stray-copies.ts';
import { deleteWhatWasDeletedSince } from './undo-deleted.ts';
import { type SwitchOutcome, switchDocuments } from './switch.ts';

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
  const checkedAtMs = performance.now();
  await refuseUnsafe(env, request, { online: options.online, rowsMoved });
  if (options.cleanOnly === true && found !== undefined)
    await refuseUnlessApart(env, found.record, request.from.store, found.record.to.fingerprint);
  const run = { ...(await openRun(env, request, options, session, found?.record.id)), checkedAtMs };
  return await guardRun(run, () => perform(run, request, found, options.retryOnly === true)); // awaited: the session must outlive it
};

const perform = async (
  run: Run,
  request: MigrateRequest,
  found: Resumable | undefined,
  retryOnly: boolean,
): Promise<MigrationResult> => {
  const { record, log } = run;
  if (found !== undefined) await sayResumed(run);
  // Once switched, failed documents are listed exceptions: they can be tried again, and never hold the rest up.
  const skipFailed = request.skipFailed || record.switchedAt !== undefined;
  if (found?.entry !== 'clean') {
    log.info('Entering main migration loop');
    if (retryOnly && record.switchedAt === undefined) return retryFailed(run);
    if (record.move && !run.online) {
      await moveByBatches(run);
    } else {
      const ready = await copyAll(run, skipFailed);
      if (run.online) return finish(run, { pause: 'precopied' });
      if (!ready || !(await switchAll(run, skipFailed))) return finish(run, { pause: 'failed-documents' });
    }
  }
  enter(run, record.keepSource ? 'finishing' : 'cleaning');
  await removeStrayCopies(run, ['dropped', 'skipped', 'failed']);
  if (record.rollsBack !== undefined) await deleteWhatWasDeletedSince(run, record.rollsBack);
  const problems = record.keepSource ? await countKeptInPart(run) : await cleanSource(run);
  return finish(run, { problems });
};

/** `--nodelete` on a cleaning that had begun ends it: what is left at the source is not what `--nodelete` promises. */
const countKeptInPart = async (run: Run): Promise<readonly CleanProblem[]> => {
  if (run.record.phase !== 'cleaning') return [];
  const { switched, cleaning, cleaned } = await countStates(run.db, run.record.id);
  const text = `cleaning had begun: ${cleaned} documents are gone from the source, ${switched + cleaning} are left there`;
  return [{ seq: 0, code: 'refused.not-clean', text, final: true }];
};

/** Copies the failed documents alone once more, before the switch; nothing else is planned or switched. */
const retryFailed = async (run: Run): Promise<MigrationResult> => {
  enter(run, 'planning');
  await planFailedDocuments(run);
  enter(run, 'copying');
  await copyDocuments(run);
  const { failed } = await countStates(run.db, run.record.id);
  return finish(run, { pause: failed > 0 ? 'failed-documents' : 'precopied' });
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
  for (let round = 1; ; round += 1) {
    enter(run, 'planning');
    await planDocuments(run, round === 1);
    enter(run, 'copying');
    await copyDocuments(run);
    enter(run, 'confirming');
    if (run.online) {
      await confirmPrecopied(run);
      return true;
    }
    // A destination that keeps losing what it acknowledged shall not keep the run going for ever.
    const lost = await confirmCopies(run, round < run.settings.switchAttempts ? 'planned' : 'failed');
    const { failed } = await countStates(run.db, run.record.id);
    if (failed > 0 && !skipFailed) return false;
    if (lost === 0 || round >= run.settings.switchAttempts) return true;
  }
};

const enter = (run: Run, phase: RunPhase): void => run.progress({ type: 'phase', phase });

/** One switch; a pause is waited for before it, never in it. */
const switchOnce = async (run: Run, part?: Chunk): Promise<SwitchOutcome> => {
  using _ = await run.gate.enter(run.signal);
  return await switchDocuments(run, part); // awaited: a pause waits for its end
};

/** Tries the switch, copying what changed in between; false where that made documents fail. */
const switchAll = async (run: Run, skipFailed: boolean): Promise<boolean> => {
  for (let attempt = 1; ; attempt += 1) {
    await letLateRequestsLand(run);
    enter(run, 'switching');
    const result = await switchOnce(run);
    if (result.outcome === 'switched') {
      await saySwitched(run, result);
      return true;
    }
    if (attempt >= run.settings.switchAttempts) {
      throw new AppError('refused.still-changing', `${result.reason}, ${attempt} times`);
    }
    run.log.info(`Not switched yet: ${result.reason}; copying them again`);
    if (!(await copyAll(run, skipFailed))) return false;
  }
};

type Switched = Extract<SwitchOutcome, { readonly outcome: 'switched' }>;

/** Which configuration works now; of an archive none of whose documents was found, nothing is claimed. */
const saySwitched = async (run: Run, { documents, seconds, stoppedSeconds }: Switched): Promise<void> => {
  const counts = await countStates(run.db, run.record.id);
  const { config } = run.record.to;
  if (counts.skipped > 0 && counts.switched + counts.cleaning + counts.cleaned + counts.failed === 0) {
    const arrived = !(await missesArchive(run.db, run, counts));
    run.log.info(`Nothing was switched${arrived ? `: ${config} is the configuration that works already` : ''}`);
    return;
  }
  // Of --move this was only the last batch, which is often empty.
  const moved = run.record.move ? counts.switched + counts.cleaning + counts.cleaned : documents;
  run.log.info(
    `Switched ${countOf(moved, 'document')}${run.record.move ? ', batch by batch, the last' : ''} in ${seconds.toFixed(2)} s` +
      `${run.force ? '' : `, ${stoppedSeconds.toFixed(2)} s after the services were found stopped`}: ` +
      `${config} is the configuration that works now. ` +
      'Database backups from before no longer match the stores.',
  );
};

/** `--move`: copies, switches and cleans a chunk at a time, for those without room for two copies. */
const moveByBatches = async (run: Run): Promise<void> => {
  run.log.warn(
    '--move: until the end, some documents are at the source and some at the destination, and neither configuration reads all',
  );
  await run.db.transaction(async (tx) => {
    await holdFence(tx, { id: run.record.id, epoch: run.epoch });
    await enterPhase(tx, { id: run.record.id, epoch: run.epoch }, 'moving');
  });
  enter(run, 'planning');
  await planDocuments(run, true);
  enter(run, 'moving');
  await copyDocuments(run, async (chunk) => {
    if ((await confirmCopies(run, 'planned', chunk)) > 0) {
      throw new AppError(
        'document.unproven',
        'copies of an earlier run are no longer at the destination; run the same command again',
      );
    }
    const result = await switchOnce(run, chunk);
    if (result.outcome === 'changed') throw new AppError('refused.still-changing', result.reason);
    if (!run.record.keepSource) await cleanSource(run, chunk);
  });
  // What came meanwhile goes in one last switch, which holds every row of the archive against the journal.
  await switchAll(run, true);
};
