import { setTimeout as sleep } from 'node:timers/promises';
import type { BulkResult, ObjectInfo } from '../drivers/contract.ts';
import { forEachConcurrent } from './concurrency.ts';
import { type FailureRecord, moveDocuments, recordConfirmations, recordFailures } from './document-journal.ts';
import { destinationRef, type DocumentRecord } from './document-record.ts';
import { listUnconfirmed } from './document-store.ts';
import { type Finding, proveObject } from './proof.ts';
import type { Run } from './run.ts';

const PAGE = 500;

type Unconfirmed = DocumentRecord & { readonly proveAgain: boolean };

/**
 * Proves once more, before the switch, the copies that an earlier process made (rule R11) and those whose key had writes
 * of unknown outcome, after a quiet period in which these must have landed (rule R9). What is not there any more is
 * planned again, or has failed if that was tried often enough. Returns how many that were.
 */
export const confirmCopies = async (run: Run, lostAre: 'planned' | 'failed'): Promise<number> => {
  const { db, faults, record, epoch, settings, signal } = run;
  const fence = { id: record.id, epoch };
  let quiet = false;
  let replanned = 0;
  let afterSeq = 0;
  for (;;) {
    const page = await listUnconfirmed(db, fence, afterSeq, PAGE);
    const last = page.at(-1);
    if (last === undefined) return replanned;
    using _ = await run.gate.enter(signal);
    afterSeq = last.seq;
    if (!quiet && page.some((document) => document.proveAgain)) {
      await sleep(settings.quietPeriodMs, undefined, { signal });
      quiet = true;
    }
    const confirmed: number[] = [];
    const lost: Unconfirmed[] = [];
    const heads = await headInBulk(run, page);
    await forEachConcurrent(page, run.to.driver.capabilities.concurrency, async (document) => {
      const finding = await confirm(run, document, heads.get(document.seq));
      if (finding === 'proved') confirmed.push(document.seq);
      else lost.push(document);
    });
    await faults.reach('confirm.before-record');
    await recordConfirmations(db, fence, confirmed);
    if (lostAre === 'planned')
      await moveDocuments(
        db,
        fence,
        lost.map((document) => document.seq),
        ['copied'],
        'planned',
      );
    else await recordFailures(db, fence, lost.map(lossOf));
    replanned += lost.length;
  }
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

const confirm = async (
  run: Run,
  document: Unconfirmed,
  head: BulkResult<ObjectInfo | undefined> | undefined,
): Promise<Finding> => {
  const { destination } = document;
  if (destination?.digest == null || destination.sizeBytes === null) return 'absent';
  const expected = { md5: destination.digest, sizeBytes: destination.sizeBytes };
  if (head?.ok === true && head.value?.md5 !== undefined && !document.proveAgain) {
    return head.value.md5 === expected.md5 && head.value.sizeBytes === expected.sizeBytes ? 'proved' : 'different';
  }
  return proveObject(
    run.to.driver,
    destinationRef(document),
    expected,
    run.readBack || document.proveAgain,
    run.signal,
  );
};

const lossOf = (document: Unconfirmed): FailureRecord => ({
  seq: document.seq,
  code: 'document.unproven',
  text: `${document.destination?.url}: the destination keeps losing what it acknowledged`,
});
