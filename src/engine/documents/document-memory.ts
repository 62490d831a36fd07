import { AppError } from '../../core/errors.ts';
import { MemoryBudget, type Share } from '../../core/memory-budget.ts';

/** How long a request waits for memory that others hold; its client may try again afterwards. In milliseconds. */
const WAIT_MS = 10_000;
const RETRY_AFTER_MS = 5000;
/** With less than this, one document of a few megabytes after the other would pass. */
const LEAST_BYTES = 64 * 2 ** 20;
/** Of the whole, for bodies that have not gone to the store yet; they can go to a file instead, so they need less. */
const SHARE_OF_BODIES = 1 / 4;

/** Half of what the process may have: the other half is for the program, its heap, and what the system needs. In bytes. */
export const planDocumentMemory = (availableBytes: number): number => Math.max(LEAST_BYTES, availableBytes / 2);

/** What documents may take in the memory of a service, all requests together. */
export class DocumentMemory {
  readonly #bodies: MemoryBudget;
  readonly #stores: MemoryBudget;
  readonly #waitMs: number;
  /** The most that one document may take on its way to or from the store. */
  readonly largestShareBytes: number;

  constructor(totalBytes: number, waitMs = WAIT_MS) {
    const bodyBytes = totalBytes * SHARE_OF_BODIES;
    this.#waitMs = waitMs;
    this.largestShareBytes = totalBytes - bodyBytes;
    this.#bodies = new MemoryBudget(bodyBytes);
    this.#stores = new MemoryBudget(this.largestShareBytes);
  }

  /** Memory for a body that arrives; undefined where there is none now: it then goes to a file. Clients may be slow. */
  tryTakeForBody(sizeBytes: number): Share | undefined {
    return this.#bodies.tryTake(sizeBytes);
  }

  /** Memory for a document on its way to or from the store. Throws `service.unavailable` where others hold it for too long. */
  async take(sizeBytes: number, signal: AbortSignal): Promise<Share> {
    const waited = AbortSignal.timeout(this.#waitMs);
    try {
      return await this.#stores.take(sizeBytes, AbortSignal.any([signal, waited]));
    } catch (error) {
      if (signal.aborted || !waited.aborted) throw error;
      throw new AppError('service.unavailable', 'other documents take all the memory that there is for them', {
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
  }
}
