import { AppError, isAppError } from '../core/errors.ts';
import type { Chunk } from './claims.ts';
import { forEachConcurrent } from './concurrency.ts';
import { fenceOf, type Run } from './run.ts';
import { copySet, listCandidates, type SetCopy, type SetCopyCandidate } from './set-copy-store.ts';
import { slices } from './slices.ts';

/** Documents and payload bytes of one statement. */
const SET = { documents: 250, bytes: 32 * 1024 * 1024 };
/** So few documents are not worth another try, when one of them makes the statement fail. */
const LEAST = 4;

/**
 * Copies those documents of a chunk that need not leave the database, by a statement for many. What a statement cannot do,
 * or not prove, stays planned for the general way, which says what is wrong with it.
 */
export const copyWithinDatabase = async (run: Run, chunk: Chunk): Promise<void> => {
  const copy = await planSetCopy(run);
  if (copy === undefined) return;
  const candidates = await listCandidates(run.db, copy, run.record.id, chunk.firstSeq, chunk.lastSeq);
  const sets = slices(candidates, SET.documents, SET.bytes, ({ sizeBytes }) => sizeBytes);
  await forEachConcurrent(sets, run.to.driver.capabilities.concurrency, async (set) => copySome(run, copy, set));
};

/** undefined where the bytes have to pass through here: another kind of store, or read back on request. */
const planSetCopy = async (run: Run): Promise<SetCopy | undefined> => {
  const { from, to } = run;
  if (run.readBack || from.driver.tableSql === undefined || to.driver.tableSql === undefined) return undefined;
  const [source, destination] = await Promise.all([from.driver.tableSql(), to.driver.tableSql()]);
  if (source === undefined || destination === undefined) return undefined;
  const compresses = to.codec.enabled && to.driver.capabilities.compression;
  return {
    from: source,
    to: destination,
    maxSizeBytes: Math.min(SET.bytes, compresses ? to.codec.minSizeKbytes * 1024 : SET.bytes),
    online: run.online,
  };
};

const copySome = async (run: Run, copy: SetCopy, set: readonly SetCopyCandidate[]): Promise<void> => {
  run.signal.throwIfAborted();
  if (await tryToCopy(run, copy, set)) return;
  // One of them cannot be read, is not text where only that can be written, or is slow: it goes alone, later.
  if (set.length <= LEAST) return;
  const middle = Math.ceil(set.length / 2);
  await copySome(run, copy, set.slice(0, middle));
  await copySome(run, copy, set.slice(middle));
};

/** false: the statement failed, and nothing was copied. */
const tryToCopy = async (run: Run, copy: SetCopy, set: readonly SetCopyCandidate[]): Promise<boolean> => {
  using _ = await run.gate.enter(run.signal);
  try {
    const done = await run.db.transaction(async (tx) => {
      const result = await copySet(
        tx,
        copy,
        fenceOf(run),
        set.map(({ seq }) => seq),
      );
      if (result.recorded !== result.written) throw new AppError('database.failed', 'a copy is not what was read');
      return result;
    });
    await run.faults.reach('copy.after-record');
    run.progress({ type: 'copied', documents: done.recorded, bytes: done.bytes });
    return true;
  } catch (error) {
    if (!isAppError(error, 'database.failed', 'database.timeout')) throw error;
    return false;
  }
};
