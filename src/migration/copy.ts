import { IN_MEMORY_BYTES } from '../archive/payload.ts';
import { AppError } from '../core/errors.ts';
import { type Chunk, claimChunk, finishChunk, registerWorker } from './claims.ts';
import { forEachConcurrent } from './concurrency.ts';
import { BatchCopier } from './copy-batch.ts';
import { describeDocument } from './describe.ts';
import { recordFailures } from './document-journal.ts';
import type { DocumentRecord } from './document-record.ts';
import { listDocuments } from './document-store.ts';
import { Health } from './health.ts';
import { touchTask } from './migration-store.ts';
import type { Run } from './run.ts';
import { slices } from './slices.ts';

/** A document that changed under each of so many copies has failed. */
const PASSES = 4;

/**
 * Copies every planned document, a chunk at a time; `afterChunk` sees each chunk once it is done (for `--move`). Ends by
 * throwing `interrupted` soon after the run's signal.
 */
export const copyDocuments = async (run: Run, afterChunk?: (chunk: Chunk) => Promise<void>): Promise<void> => {
  const { db, record, epoch, session, executor } = run;
  const fence = { id: record.id, epoch };
  const worker = await registerWorker(db, session, record.id, executor);
  const copier = new BatchCopier(run, new Health(run.settings.maxConsecutiveFaults));
  for (;;) {
    throwIfInterrupted(run.signal);
    const chunk = await claimChunk(db, fence, worker);
    if (chunk === undefined) return;
    await run.faults.reach('copy.after-claim');
    await copyChunk(run, copier, chunk);
    await afterChunk?.(chunk);
    await finishChunk(db, fence, worker, chunk);
    await touchTask(db, record.id);
  }
};

/** What a document may take in memory: a compressed payload comes with its content, one of unknown size counts as the largest. */
const estimateBytes = ({ source }: DocumentRecord): number => {
  const sizeBytes = Math.min(source.sizeBytes ?? IN_MEMORY_BYTES, IN_MEMORY_BYTES);
  return source.compressed === true ? sizeBytes * 6 : sizeBytes;
};

/** Copies what is planned in a chunk, as often as it changes underneath. */
export const copyChunk = async (run: Run, copier: BatchCopier, chunk: Chunk): Promise<void> => {
  const { db, record, settings, signal } = run;
  const range = { afterSeq: chunk.firstSeq - 1, lastSeq: chunk.lastSeq, limit: chunk.lastSeq - chunk.firstSeq + 1 };
  for (let pass = 0; pass < PASSES; pass += 1) {
    const documents = await listDocuments(db, record.id, ['planned', 'copying'], range);
    if (documents.length === 0) return;
    const batches = slices(documents, settings.batchSize, settings.batchBytes, estimateBytes);
    await forEachConcurrent(batches, settings.batchesInFlight, async (batch) => {
      throwIfInterrupted(signal);
      using _ = await run.gate.enter(signal);
      await copier.copy(batch);
    });
  }
  const restless = await listDocuments(db, record.id, ['planned', 'copying'], range);
  await recordFailures(
    db,
    { id: record.id, epoch: run.epoch },
    restless.map((document) => ({
      seq: document.seq,
      code: 'document.changed',
      text: `${describeDocument(document)} changed under each of ${PASSES} copies`,
    })),
  );
};

/** Throws the signal's reason as `interrupted`. */
export const throwIfInterrupted = (signal: AbortSignal): void => {
  if (signal.aborted) throw new AppError('interrupted', 'stopped by a signal', { cause: signal.reason });
};
