import { AppError } from '../core/errors.ts';
import { countStates, sumSourceBytes } from './document-store.ts';
import { findCurrentStore } from './current-store.ts';
import { countOf } from './describe.ts';
import { removeStrayCopies } from './stray-copies.ts';
import { enterPhase, getMigration, holdFence, takeTime, updateCounts } from './migration-store.ts';
import {
  analyzeJournal,
  dropVanishedDocuments,
  failAmbiguousDocuments,
  inheritUnsettledWrites,
  insertNewDocuments,
  isJournalEmpty,
  markReusableDocuments,
  refreshChunks,
  replanChangedDocuments,
  replanFailedDocuments,
  replanUncheckableDocuments,
  skipKnownExceptions,
} from './plan-store.ts';
import type { Run } from './run.ts';

/**
 * Brings the journal in line with the archive, in one transaction: what is new, what has changed since it was copied, what
 * has gone. `retryFailed` plans failed documents again too. Copies of what has gone are removed from the destination.
 */
export const planDocuments = async (run: Run, retryFailed: boolean): Promise<void> => {
  const { db, faults, from, to, record, epoch, settings, log } = run;
  const fence = { id: record.id, epoch };
  const exceptionsOf = record.rollsBack ?? (await findExceptionsOf(run));
  const { counts, bytes } = await db.transaction(async (tx) => {
    await holdFence(tx, fence);
    await takeTime(tx);
    const { phase } = await getMigration(tx, record.id);
    if (phase !== 'moving') await enterPhase(tx, fence, 'copying');
    const fresh = await isJournalEmpty(tx, record.id);
    await insertNewDocuments(tx, record.id, record.scope);
    await analyzeJournal(tx);
    if (record.rollsBack !== undefined) await markReusableDocuments(tx, record.id, record.rollsBack);
    await skipKnownExceptions(tx, record.id, exceptionsOf, record.rollsBack !== undefined);
    await inheritUnsettledWrites(tx, record.id, to.identity.fingerprint);
    if (!fresh) {
      await replanChangedDocuments(tx, record.id, record.scope);
      await dropVanishedDocuments(tx, record.id);
    }
    if (retryFailed) await replanFailedDocuments(tx, record.id);
    if (!run.online) await replanUncheckableDocuments(tx, record.id);
    await failAmbiguousDocuments(tx, record.id, from.driver.name === 'db', to.driver.name === 'db');
    await refreshChunks(tx, record.id, settings.chunkSize, phase === 'moving');
    await updateCounts(tx, record.id);
    const counts = await countStates(tx, record.id);
    const bytes = await sumSourceBytes(tx, record.id, ['planned', 'copying']);
    await faults.reach('plan.before-commit');
    return { counts, bytes };
  });
  await faults.reach('plan.after-commit');
  await removeStrayCopies(run, ['dropped', 'skipped']);
  const planned = counts.planned + counts.copying;
  log.info(`Migrating ${countOf(planned, 'document')}`);
  const done = counts.copied + counts.switched + counts.cleaning + counts.cleaned + counts.failed;
  if (planned + done + counts.skipped === 0)
    log.warn(`The archive has no documents at all: is ${db.description} the right database?`);
  if (planned + done === 0 && counts.skipped > 0) {
    log.warn(`Nothing to do: no document is where ${record.from.config} can read it; ${counts.skipped} are elsewhere`);
  }
  run.progress({ type: 'planned', documents: planned, bytes, done: done - counts.failed });
};

/** The migration whose listed exceptions the source's services know: the one that made the source current. */
const findExceptionsOf = async ({ db, from }: Run): Promise<number | undefined> => {
  const current = await findCurrentStore(db);
  return current?.fingerprint === from.identity.fingerprint ? current.migrationId : undefined;
};

/** Plans the failed documents alone again. Throws `usage.invalid` where there are none. */
export const planFailedDocuments = async (run: Run): Promise<void> => {
  const { db, record, epoch, settings, log } = run;
  const count = await db.transaction(async (tx) => {
    await takeTime(tx);
    await holdFence(tx, { id: record.id, epoch });
    const failed = await replanFailedDocuments(tx, record.id);
    await refreshChunks(tx, record.id, settings.chunkSize, record.phase === 'moving');
    return failed;
  });
  if (count === 0) {
    throw new AppError('usage.invalid', `migration ${record.id} has no failed documents`, {
      remedy: `Continue it with: resume ${record.id}.`,
    });
  }
  log.info(`Copying ${countOf(count, 'failed document')} again`);
  const bytes = await sumSourceBytes(db, record.id, ['planned']);
  run.progress({ type: 'planned', documents: count, bytes, done: 0 });
};
