import { isAppError } from '../../core/errors.ts';
import type { BulkResult, DeleteOutcome, Driver } from '../contract.ts';
import { type Call, ForwardingDriver } from './forwarding-driver.ts';
import type { Limits } from './limits.ts';

export interface ConcurrencyOptions {
  /** How many requests at once to begin with; else what the driver says serves it well. */
  readonly start?: number;
  readonly max?: number;
  /** What an operator allows, which may change at any time. */
  readonly limits?: Limits;
}

const FEWEST = 1;
const DEFAULT_MAX = 128;

/**
 * Lets only so many requests through at once, and finds out how many: one more for each round of successes, half as
 * many when the store asks for fewer ("additive increase, multiplicative decrease"). Reading a body that was opened,
 * and going through a listing, is not counted.
 */
export const limitConcurrency = (inner: Driver, options: ConcurrencyOptions = {}): LimitedDriver =>
  new LimitedDriver(inner, options);

export class LimitedDriver extends ForwardingDriver {
  readonly #max: number;
  readonly #limits: Limits | undefined;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #running = 0;
  /** Counts decreases: requests that began before the last one say nothing about the limit of now. */
  #epoch = 0;

  constructor(inner: Driver, options: ConcurrencyOptions) {
    super(inner);
    this.#limits = options.limits;
    options.limits?.subscribe(() => this.#wake());
    this.#max = Math.max(FEWEST, options.max ?? DEFAULT_MAX);
    this.#limit = Math.min(this.#max, Math.max(FEWEST, options.start ?? inner.capabilities.concurrency));
  }

  /** How many requests may run at once just now. */
  get limit(): number {
    return Math.min(Math.floor(this.#limit), this.#limits?.values.concurrency ?? Number.POSITIVE_INFINITY);
  }

  protected override async call<T>(call: Call<T>): Promise<T> {
    await this.#enter(call.signal);
    const epoch = this.#epoch;
    try {
      const result = await call.send(call.signal);
      this.#learn(epoch, isThrottledAnswer(result));
      return result;
    } catch (error) {
      if (isThrottled(error)) this.#learn(epoch, true);
      throw error;
    } finally {
      this.#running -= 1;
      this.#wake();
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiting.length === 0 && this.#running < this.limit) {
      this.#running += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const enter = (): void => {
      this.#running += 1;
      resolve();
    };
    const leave = (): void => {
      const place = this.#waiting.indexOf(enter);
      if (place < 0) return;
      this.#waiting.splice(place, 1);
      reject(signal?.reason);
    };
    this.#waiting.push(enter);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  #wake(): void {
    while (this.#running < this.limit) {
      const enter = this.#waiting.shift();
      if (enter === undefined) return;
      enter();
    }
  }

  #learn(epoch: number, throttled: boolean): void {
    if (!throttled) {
      this.#limit = Math.min(this.#max, this.#limit + 1 / this.#limit);
    } else if (epoch === this.#epoch) {
      this.#epoch += 1;
      this.#limit = Math.max(FEWEST, this.#limit / 2);
    }
  }
}

const isThrottled = (error: unknown): boolean => isAppError(error, 'store.throttled', 'store.busy');

/** The answers to a bulk operation or a delete carry the errors of single objects. */
const isThrottledAnswer = (answer: unknown): boolean =>
  Array.isArray(answer) &&
  (answer as readonly (BulkResult<unknown> | DeleteOutcome)[]).some(
    (item) => typeof item === 'object' && item !== null && 'error' in item && isThrottled(item.error),
  );
