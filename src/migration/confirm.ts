import { setTimeout as sleep } from 'node:timers/promises';
import type { BulkResult, ObjectInfo } from '../drivers/contract.ts';
import type { Chunk } from './claims.ts';
import { forEachConcurrent } from './concurrency.ts';
import { throwIfInterrupted } from './copy.ts';
import {
  type Confirmation,
  type FailureRecord,
  recordConfirmations,
  recordFailures,
  recordLanded,
  recordLosses,
} from './document-journal.ts';
import { destinationRef } from './document-record.ts';
import { listUnconfirmed, listUnsettledExceptions, type Unconfirmed } from './document-store.ts';
import { canLandLate, createsOnly } from './late-requests.ts';
import { analyzeJournal } from './plan-store.ts';
import { type Finding, readBack } from './proof.ts';
import { fenceOf, type Run } from './run.ts';

const PAGE = 500;

/**
 * Proves once more, before the switch, the copies that an earlier process made (rule R11) and those whose key had writes
 * of unknown outcome, after a quiet period in which these must have landed (rule R9). A copy that, by the store's own
 * account, nobody has touched since it was read and found right need not be read again. What is not there any more is
 * planned again, or has failed if that was tried often enough. Returns how many that were. `part` limits it to a chunk.
 */
export const confirmCopies = (run: Run, lostAre: 'planned' | 'failed', part?: Chunk): Promise<number> =>
  confirmPages(run, lostAre, false, part);

/**
 * Ends a precopy where copies could only be proved by reading them all: reads them now, while services run, and notes what
 * tells later that they are untouched.
 */
export const confirmPrecopied = async (run: Run): Promise<void> => {
  if (run.to.driver.capabilities.versions !== true) return;
  await analyzeJournal(run.session); // else the planner knows of no copies, and looks for each page of them everywhere
  await confirmPages(run, 'planned', true);
};

const confirmPages = async (
  run: Run,
  lostAre: 'planned' | 'failed',
  unversioned: boolean,
  part?: Chunk,
): Promise<number> => {
  const { db, faults, settings, signal } = run;
  const fence = fenceOf(run);
  const lastSeq = part?.lastSeq ?? Number.MAX_SAFE_INTEGER;
  let quiet = false;
  let replanned = 0;
  let afterSeq = (part?.firstSeq ?? 1) - 1;
  for (;;) {
    throwIfInterrupted(signal);
    const page = await listUnconfirmed(db, fence, { afterSeq, lastSeq, limit: PAGE }, unversioned);
    const last = page.at(-1);
    if (last === undefined) return replanned;
    using _ = await run.gate.enter(signal);
    afterSeq = last.seq;
    if (!unversioned && !quiet && page.some((document) => document.proveAgain)) {
      await sleep(settings.quietPeriodMs, undefined, { signal });
      quiet = true;
    }
    const confirmed: Confirmation[] = [];
    const lost: Unconfirmed[] = [];
    const heads = await headInBulk(run, page);
    await forEachConcurrent(page, run.to.driver.capabilities.concurrency, async (document) => {
      const { finding, version } = await confirm(run, document, heads.get(document.seq));
      if (finding === 'proved') confirmed.push({ seq: document.seq, version });
      else lost.push(document);
    });
    await faults.reach('confirm.before-record');
    // What may still be written over is proved again later, whatever it is now.
    await recordConfirmations(
      db,
      fence,
      unversioned
        ? confirmed.filter(({ seq }) => !page.some((each) => each.seq === seq && each.proveAgain))
        : confirmed,
    );
    if (lostAre === 'planned') {
      await recordLosses(
        db,
        fence,
        lost.map(({ seq }) => seq),
      );
    } else {
      await recordFailures(db, fence, lost.map(lossOf));
    }
    replanned += lost.length;
  }
};

/**
 * Before a switch: a document that does not arrive may have a request of its own under way, which would change what services
 * store in its place afterwards. Waits for it to land.
 */
export const letLateRequestsLand = async (run: Run): Promise<void> => {
  if (!canLandLate(run)) return;
  const seqs = await listUnsettledExceptions(run.db, run.record.id, createsOnly(run));
  if (seqs.length === 0) return;
  await sleep(run.settings.quietPeriodMs, undefined, { signal: run.signal });
  await recordLanded(run.db, fenceOf(run), seqs);
};

const headInBulk = async (
  run: Run,
  page: readonly Unconfirmed[],
): Promise<ReadonlyMap<number, BulkResult<ObjectInfo | undefined>>> => {
  const { bulk } = run.to.driver;
  if (bulk === undefined || run.readBack) return new Map();
  const answers = await bulk.head(page.map(destinationRef), run.signal);
  return new Map(
    page.flatMap((document, index) => {
      const answer = answers[index];
      return answer === undefined ? [] : [[document.seq, answer] as const];
    }),
  );
};

interface Confirmed {
  readonly finding: Finding;
  readonly version?: string | undefined;
}

const confirm = async (
  run: Run,
  document: Unconfirmed,
  head: BulkResult<ObjectInfo | undefined> | undefined,
): Promise<Confirmed> => {
  const { destination } = document;
  if (destination?.digest == null || destination.sizeBytes === null) return { finding: 'absent' };
  const { driver } = run.to;
  const ref = destinationRef(document);
  const expected = { md5: destination.digest, sizeBytes: destination.sizeBytes };
  if (run.readBack || document.proveAgain) return { finding: await readBack(driver, ref, expected, run.signal) };
  const info = head?.ok === true ? head.value : await driver.head(ref, run.signal);
  if (info === undefined) return { finding: 'absent' };
  if (info.sizeBytes !== expected.sizeBytes) return { finding: 'different' };
  const { md5, version } = info;
  if (md5 !== undefined) return { finding: md5 === expected.md5 ? 'proved' : 'different', version };
  if (version !== undefined && version === document.version) return { finding: 'proved', version };
  const finding = await readBack(driver, ref, expected, run.signal);
  if (version === undefined || finding !== 'proved') return { finding };
  // What was read is what has this version, unless it was changed while it was read.
  const after = await driver.head(ref, run.signal);
  return { finding, version: after?.version === version ? version : undefined };
};

const lossOf = (document: Unconfirmed): FailureRecord => ({
  seq: document.seq,
  code: 'document.unproven',
  text: `${document.destination?.url}: the destination keeps losing what it acknowledged`,
});
