import { setTimeout as sleep } from 'node:timers/promises';
import type { AppError } from '../../core/errors.ts';

export interface BackoffOptions {
  /** The longest first wait. */
  readonly baseDelayMs: number;
  /** The longest wait at all, unless the store asks for more. */
  readonly maxDelayMs: number;
  /** How long trying may take altogether, waits included; no try begins after it. */
  readonly totalMs: number;
  /** From 0 to 1, for tests. */
  readonly random?: () => number;
  readonly now?: () => number;
  readonly wait?: (delayMs: number, signal: AbortSignal | undefined) => Promise<void>;
}

const waitFor = async (delayMs: number, signal: AbortSignal | undefined): Promise<void> => {
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
};

/**
 * Waits between tries: each time anything from nothing up to a bound that doubles ("full jitter": those who failed
 * together do not come back together), or as long as the store has asked for.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #now: () => number;
  readonly #startMs: number;
  #tries = 1;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#startMs = this.#now();
  }

  /** How often it was tried so far, the current try included. */
  get tries(): number {
    return this.#tries;
  }

  /**
   * Waits until the next try may begin; false, at once, where there shall be none: the error would come again, or time
   * is up.
   */
  async next(error: AppError, signal: AbortSignal | undefined): Promise<boolean> {
    if (!error.retryable || signal?.aborted === true) return false;
    const { baseDelayMs, maxDelayMs, totalMs, random = Math.random, wait = waitFor } = this.#options;
    const bound = Math.min(maxDelayMs, baseDelayMs * 2 ** (this.#tries - 1));
    const delayMs = Math.max(random() * bound, error.retryAfterMs ?? 0);
    if (this.#now() - this.#startMs + delayMs > totalMs) return false;
    await wait(delayMs, signal);
    this.#tries += 1;
    return true;
  }
}
