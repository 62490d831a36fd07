import { IN_MEMORY_BYTES } from '../archive/payload.ts';
import { AppError, isAppError } from '../core/errors.ts';
import { BatchLanes, settleAll } from './batch-lanes.ts';
import { type Chunk, claimChunk, finishChunk, registerWorker } from './claims.ts';
import { BatchCopier } from './copy-batch.ts';
import { describeDocument } from './describe.ts';
import { recordFailures } from './document-journal.ts';
import type { DocumentRecord } from './document-record.ts';
import { listDocuments } from './document-store.ts';
import { Health } from './health.ts';
import { touchTask } from './migration-store.ts';
import type { Run } from './run.ts';
import { copyWithinDatabase } from './set-copy.ts';
import { slices } from './slices.ts';

/** A document that changed under each of so many copies has failed. */
const PASSES = 4;
/** The lanes are filled from the second while the first has only its last batches left. */
const CHUNKS_AT_ONCE = 2;

/**
 * Copies every planned document; a chunk begins when the one before it has begun its last batch, so that no lane stands idle.
 * With `afterChunk` (for `--move`) one chunk is done, and was seen by it, before the next begins. Ends by throwing
 * `interrupted` soon after the run's signal.
 */
export const copyDocuments = async (run: Run, afterChunk?: (chunk: Chunk) => Promise<void>): Promise<void> => {
  const { db, record, epoch, session, executor } = run;
  const fence = { id: record.id, epoch };
  const worker = await registerWorker(db, session, record.id, executor);
  const copier = new BatchCopier(run, new Health(run.settings.maxConsecutiveFaults));
  const lanes = openLanes(run);
  const copy = async (chunk: Chunk): Promise<void> => {
    await copyWithinDatabase(run, chunk);
    await copyChunk(run, copier, chunk, lanes);
    await afterChunk?.(chunk);
    await finishChunk(db, fence, worker, chunk);
    await touchTask(db, record.id);
  };
  const underWay: Promise<void>[] = [];
  try {
    for (;;) {
      throwIfInterrupted(run.signal);
      const chunk = await claimChunk(db, fence, worker);
      if (chunk === undefined) return;
      await run.faults.reach('copy.after-claim');
      const copied = copy(chunk);
      copied.catch(() => undefined); // whoever waits below sees it
      underWay.push(copied);
      if (underWay.length === (afterChunk === undefined ? CHUNKS_AT_ONCE : 1)) await underWay.shift();
    }
  } catch (error) {
    lanes.stop(error);
    throw error;
  } finally {
    await settleAll(underWay);
  }
};

export const openLanes = ({ settings, signal }: Run): BatchLanes =>
  new BatchLanes(settings.batchesInFlight, settings.memoryBytes, signal);

/** What a document may take in memory: a compressed payload comes with its content, one of unknown size counts as the largest. */
const estimateBytes = ({ source }: DocumentRecord): number => {
  const sizeBytes = Math.min(source.sizeBytes ?? IN_MEMORY_BYTES, IN_MEMORY_BYTES);
  return source.compressed === true ? sizeBytes * 6 : sizeBytes;
};

/** Copies what is planned in a chunk, as often as it changes underneath. */
export const copyChunk = async (run: Run, copier: BatchCopier, chunk: Chunk, lanes = openLanes(run)): Promise<void> => {
  const { db, record, settings, signal } = run;
  // All lanes have their share; one large document may take all there is.
  const batchBytes = Math.min(settings.batchBytes, settings.memoryBytes / settings.batchesInFlight);
  const range = { afterSeq: chunk.firstSeq - 1, lastSeq: chunk.lastSeq, limit: chunk.lastSeq - chunk.firstSeq + 1 };
  for (let pass = 0; pass < PASSES; pass += 1) {
    const documents = await listDocuments(db, record.id, ['planned', 'copying'], range);
    if (documents.length === 0) return;
    const batches = slices(documents, settings.batchSize, batchBytes, estimateBytes);
    const copyBatch = async (batch: readonly DocumentRecord[]): Promise<void> => {
      throwIfInterrupted(signal);
      using _ = await run.gate.enter(signal);
      await copier.copy(batch);
    };
    const sizeOf = (batch: readonly DocumentRecord[]): number =>
      batch.reduce((sum, document) => sum + estimateBytes(document), 0);
    const work = batches.map((batch) => lanes.run(sizeOf(batch), () => copyBatch(batch)));
    await settleAll(work).catch((error: unknown) => {
      if (!isAppError(error)) throwIfInterrupted(signal);
      throw error;
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
