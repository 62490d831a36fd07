import { AppError } from '../core/errors.ts';
import { releaseCanary } from './canary.ts';
import type { Chunk } from './claims.ts';
import { throwIfInterrupted } from './copy.ts';
import { countOf } from './describe.ts';
import {
  deletedLine,
  deleteObjects,
  type Deletion,
  type DeletionGuard,
  findNeededOfRange,
  findUncertain,
  type NeededObjects,
} from './deletion.ts';
import { guardDeletes } from './deletion-guard.ts';
import {
  type FailureRecord,
  recordCleaned,
  recordDeleteIntents,
  recordDeleteProblems,
  recordSettledDeletes,
  reopenLeftAtSource,
} from './document-journal.ts';
import { type DocumentRecord, sourceRef } from './document-record.ts';
import { countStates, listDocuments } from './document-store.ts';
import { enterPhase, getToMigrate, holdFence, touchTask } from './migration-store.ts';
import { refuseWhileServicesRun } from './quiescence.ts';
import type { Run } from './run.ts';
import { waitForStandbys } from './standbys.ts';

/** Something that was not deleted. `final`: it is left for good, and only reported; else the next `clean` tries again. */
export interface CleanProblem extends FailureRecord {
  readonly final: boolean;
}

const TRIES = 3;
/** How long an answer to what still needs the source is relied upon. */
const FRESH_MS = 10_000;
/** So many documents of a migration are told of one by one, as the operator's guide shows; of more, only with --debug. */
const TOLD_EACH = 10_000;
/** Documents that are held in memory, and deleted, together. */
const PAGE = 1_000;

/**
 * Deletes from the source what has been switched, as rule R1 allows; finishes an earlier, interrupted cleaning. `part`
 * limits it to a chunk (`--move`). That cleaning has begun is committed before the first delete: from then on there is no
 * rollback (rule R13).
 */
export const cleanSource = async (run: Run, part?: Chunk): Promise<readonly CleanProblem[]> => {
  const { db, faults, record, epoch } = run;
  const fence = { id: record.id, epoch };
  await waitForStandbys(run);
  if (!run.force) await refuseWhileServicesRun(db, run.heartbeats); // as long as a rollback is still possible
  if (part === undefined) {
    await db.transaction(async (tx) => {
      await holdFence(tx, fence);
      await enterPhase(tx, fence, 'cleaning');
      await reopenLeftAtSource(tx, record.id);
    });
    const { switched, cleaning } = await countStates(db, record.id);
    run.progress({ type: 'to-clean', documents: switched + cleaning });
  }
  await faults.reach('clean.after-phase');
  await db.sync();
  await releaseCanary(run);
  const each = (await getToMigrate(db, record.id)) <= TOLD_EACH;
  const final: CleanProblem[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const open = await cleanOnce(run, part, each, final);
    if (open.length === 0 || attempt === TRIES) return [...final, ...open];
  }
};

/** One pass over what is left; returns what another may mend. */
const cleanOnce = async (
  run: Run,
  part: Chunk | undefined,
  each: boolean,
  final: CleanProblem[],
): Promise<readonly CleanProblem[]> => {
  const open: CleanProblem[] = [];
  const { cleanWindow } = run.settings;
  let afterSeq = (part?.firstSeq ?? 1) - 1;
  let window: { readonly lastSeq: number; readonly foundMs: number; readonly needed: NeededObjects } | undefined;
  for (;;) {
    throwIfInterrupted(run.signal);
    using _ = await run.gate.enter(run.signal);
    const range = { afterSeq, limit: Math.min(PAGE, cleanWindow), ...(part && { lastSeq: part.lastSeq }) };
    const page = await listDocuments(run.db, run.record.id, ['switched', 'cleaning'], range);
    const [first] = page;
    const last = page.at(-1);
    if (first === undefined || last === undefined) return open;
    afterSeq = last.seq;
    if (!run.force) await refuseWhileServicesRun(run.db, run.heartbeats);
    const guard = await guardDeletes(run, 'source');
    // A pause or a limit can make a window last: a row that came meanwhile must be seen.
    if (window === undefined || last.seq > window.lastSeq || performance.now() - window.foundMs > FRESH_MS) {
      const foundMs = performance.now();
      const lastSeq = Math.max(last.seq, first.seq + cleanWindow - 1);
      const needed = await findNeededOfRange(run.db, run.from.driver, guard, { firstSeq: first.seq, lastSeq });
      window = { lastSeq, foundMs, needed };
    }
    for (const problem of await cleanPage(run, page, each, guard, window.needed)) {
      (problem.final ? final : open).push(problem);
    }
  }
};

const cleanPage = async (
  run: Run,
  page: readonly DocumentRecord[],
  each: boolean,
  guard: DeletionGuard,
  needed: NeededObjects,
): Promise<readonly CleanProblem[]> => {
  const { db, faults, from, record, epoch, signal, log } = run;
  const fence = { id: record.id, epoch };
  const seqs = page.map((document) => document.seq);
  await recordDeleteIntents(db, fence, seqs);
  await faults.reach('clean.after-intent');

  const left = page.filter((document) => !document.foreignSource && mayBeTheCopy(run, document));
  const ours = page.filter((document) => !document.foreignSource && !left.includes(document));
  const items = ours.map((document) => ({
    seq: document.seq,
    ref: sourceRef(document),
    md5: document.source.readDigest,
  }));
  const results = await deleteObjects(db, from.driver, guard, items, signal, needed);
  await faults.reach('clean.after-delete');

  const documents = new Map(page.map((document) => [document.seq, document]));
  const problems = [
    ...left.map(leftProblem),
    ...results.flatMap(problemOf),
    ...results.flatMap(({ item, outcome }) => {
      const document = documents.get(item.seq);
      return outcome === 'absent' && document !== undefined ? unseenProblem(run, document) : [];
    }),
  ];
  const open = new Set(problems.filter((problem) => !problem.final).map((problem) => problem.seq));
  const deleted = results.filter((result) => result.outcome === 'deleted');
  for (const { item } of deleted) {
    if (each) log.info(deletedLine(item.ref));
    else log.debug(deletedLine(item.ref));
  }
  if (!each && deleted.length > 0) {
    log.info(`Deleted ${countOf(deleted.length, 'document')} on source after successful migration to destination`);
  }
  // Something has brought a row back to the source since the switch: nothing more is deleted until that is settled.
  const cameBack = results.find((result) => result.outcome === 'kept' && result.because === 'row');
  for (const result of results) {
    if (result.outcome !== 'kept') continue;
    if (result.because === 'row' || result.because === 'unswitched') open.add(result.item.seq);
  }
  await recordDeleteProblems(db, fence, problems);
  const uncertain = findUncertain(page, results);
  const done = seqs.filter((seq) => !open.has(seq));
  await recordSettledDeletes(
    db,
    fence,
    seqs.filter((seq) => open.has(seq) && !uncertain.has(seq)),
  );
  await recordCleaned(
    db,
    fence,
    done.filter((seq) => !uncertain.has(seq)),
    true,
  );
  await recordCleaned(
    db,
    fence,
    done.filter((seq) => uncertain.has(seq)),
    false,
  );
  await faults.reach('clean.after-record');
  await touchTask(db, record.id);
  run.progress({ type: 'cleaned', documents: done.length });
  if (cameBack !== undefined && 'error' in cameBack) {
    throw new AppError('refused.not-clean', cameBack.error.message, {
      cause: cameBack.error,
      remedy: `Find out what wrote it, then run the same command, or resume ${record.id}: the row is copied and switched first.`,
    });
  }
  return problems;
};

/**
 * Whether the source object could be the destination's under another name (rule R2): we did not write the latter, and the
 * row named a place outside of the source's own root or prefix, where the marker could not look.
 */
const mayBeTheCopy = (run: Run, document: DocumentRecord): boolean =>
  !document.owned && document.source.url !== run.from.driver.locate(document.key);

const leftProblem = (document: DocumentRecord): CleanProblem => ({
  seq: document.seq,
  code: 'refused.not-clean',
  text: `${document.source.url}: left, since it may be the destination's own object under another name`,
  final: true,
});

/**
 * A folder that is not mounted looks like one in which there is nothing (rule R3). Only of the store's own root is it known
 * that it is still what it was; elsewhere, what was never tried to be deleted should be there.
 */
const unseenProblem = (run: Run, document: DocumentRecord): readonly CleanProblem[] => {
  const { driver } = run.from;
  const isOutside = driver.name === 'localfs' && document.source.url !== driver.locate(document.key);
  if (!isOutside || document.state !== 'switched') return [];
  const text = `${document.source.url}: not there, and whether its folder is mounted cannot be told, since it is not that of the configuration`;
  return [{ seq: document.seq, code: 'refused.not-clean', text, final: true }];
};

const problemOf = (
  result: Deletion<{ readonly seq: number; readonly ref: ReturnType<typeof sourceRef>; readonly md5: string | null }>,
): readonly CleanProblem[] => {
  const { seq } = result.item;
  switch (result.outcome) {
    case 'deleted':
    case 'absent':
      return [];
    case 'failed':
      return [{ seq, code: result.error.code, text: result.error.message, final: false }];
    case 'kept':
      // A listed exception still needs it: it was never to go. A row that came back ends the cleaning, see above. What is
      // to be switched with a later chunk is deleted when all have been.
      if (result.because === 'exception' || result.because === 'row' || result.because === 'unswitched') return [];
      return [{ seq, code: result.error.code, text: result.error.message, final: result.because === 'changed' }];
  }
};
