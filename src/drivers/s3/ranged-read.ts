import { AppError, isAppError } from '../../core/errors.ts';
import { transportError } from '../http/transport-error.ts';
import { describe, type S3Client, type S3Request, type S3Success } from './client.ts';
import type { MemoryBudget } from '../../core/memory-budget.ts';

/** How objects are read in several ranges at once; in bytes. */
export interface RangeSizes {
  /** Objects above this are. */
  readonly rangedBytes: number;
  readonly rangeBytes: number;
}

const MIB = 1024 * 1024;
export const DEFAULT_RANGE_SIZES: RangeSizes = { rangedBytes: 64 * MIB, rangeBytes: 8 * MIB };

/** How many ranges of one object are on their way beside the one that is being read. */
const AHEAD = 3;

export interface RangedObject {
  readonly client: S3Client;
  readonly request: S3Request;
  /** The answer to a request for the whole object, of which the first range is taken. */
  readonly first: S3Success;
  readonly sizeBytes: number;
  /** As the store gave it: all ranges must be of this object. */
  readonly etag: string;
  readonly sizes: RangeSizes;
  readonly memory: MemoryBudget;
}

interface Range {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

interface FetchedRange extends Disposable {
  readonly bytes: Uint8Array;
}

const planRanges = (sizeBytes: number, rangeBytes: number): readonly Range[] =>
  Array.from({ length: Math.ceil(sizeBytes / rangeBytes) }, (_, index) => ({
    start: index * rangeBytes,
    end: Math.min(sizeBytes, (index + 1) * rangeBytes) - 1,
  }));

const fetchRange = async (object: RangedObject, range: Range, signal: AbortSignal): Promise<FetchedRange> => {
  const { client, etag, sizeBytes } = object;
  const wanted = `bytes ${range.start}-${range.end}/${sizeBytes}`;
  const headers = { 'range': `bytes=${range.start}-${range.end}`, 'if-match': etag };
  const request: S3Request = { ...object.request, headers, signal };
  const what = `${describe(request)}, ${wanted}`;
  const share = await object.memory.take(range.end - range.start + 1, signal);
  try {
    const answer = await client.send(request);
    const bytes = await answer.body.bytes();
    if (
      answer.status !== 206 ||
      answer.headers['content-range'] !== wanted ||
      bytes.length !== range.end - range.start + 1
    ) {
      throw new AppError('store.corrupt', `${what}: got ${answer.headers['content-range'] ?? `HTTP ${answer.status}`}`);
    }
    return { bytes, [Symbol.dispose]: () => share[Symbol.dispose]() };
  } catch (error) {
    share[Symbol.dispose]();
    const changed = isAppError(error, 'store.exists');
    throw changed
      ? new AppError('store.corrupt', `${what}: it was replaced while it was read`)
      : transportError(error, what, signal);
  }
};

/**
 * The bytes of a large object in order: the first range as it comes, the next ones fetched meanwhile, each by a request
 * of its own, since one connection to a store far away is slower than several.
 */
export async function* readInRanges(object: RangedObject): AsyncGenerator<Uint8Array> {
  const { request, first, sizes, sizeBytes } = object;
  const stop = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, stop.signal]) : stop.signal;
  const [head, ...ranges] = planRanges(sizeBytes, sizes.rangeBytes);
  const waiting: Promise<FetchedRange>[] = [];
  const fetchNext = (): void => {
    const range = ranges.shift();
    if (range === undefined) return;
    const fetched = fetchRange(object, range, signal);
    // Whoever reads on meets the error; whoever broke off does not care.
    fetched.catch(() => undefined);
    waiting.push(fetched);
  };
  try {
    for (let count = 0; count < AHEAD; count += 1) fetchNext();
    let left = head === undefined ? 0 : head.end + 1;
    for await (const chunk of first.body) {
      const bytes = chunk.subarray(0, left);
      left -= bytes.length;
      yield bytes;
      if (left === 0) break;
    }
    if (left > 0) throw new AppError('store.corrupt', `${describe(request)}: the answer ended ${left} bytes early`);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      using fetched = await next;
      fetchNext();
      yield fetched.bytes;
    }
  } catch (error) {
    throw transportError(error, describe(request), request.signal);
  } finally {
    first.body.destroy();
    stop.abort();
    for (const each of waiting) each.then((fetched) => fetched[Symbol.dispose]()).catch(() => undefined);
  }
}
