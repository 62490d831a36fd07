import { isAppError, unreachable } from '../../core/errors.ts';
import type { BulkResult, DeleteOutcome, Driver } from '../contract.ts';
import { ConcurrencyControl } from './concurrency-control.ts';
import { type Call, ForwardingDriver, type Operation } from './forwarding-driver.ts';
import type { Limits } from './limits.ts';

export interface ConcurrencyOptions {
  /** How many requests at once to begin with; else 16, or fewer where the driver says so. */
  readonly start?: number;
  readonly max?: number;
  /** What an operator allows, which may change at any time. */
  readonly limits?: Limits;
  /** In milliseconds, for tests. */
  readonly now?: () => number;
}

const DEFAULT_MAX = 128;
/** Most stores do well with so many; it finds more by itself. */
const DEFAULT_START = 16;

const KINDS = ['read', 'write', 'delete'] as const;
type Kind = (typeof KINDS)[number];

const kindOf = (operation: Operation): Kind => {
  switch (operation) {
    case 'delete':
      return 'delete';
    case 'put':
    case 'bulk.put':
    case 'copyWithin':
    case 'prepare':
      return 'write';
    case 'get':
    case 'head':
    case 'bulk.get':
    case 'bulk.head':
    case 'list':
    case 'identify':
    case 'inspect':
      return 'read';
    default:
      return unreachable(operation);
  }
};

/** Requests of one kind. */
interface Lane {
  readonly control: ConcurrencyControl;
  readonly waiting: (() => void)[];
  running: number;
}

/**
 * Lets only so many requests through at once, and finds out how many serve best (`ConcurrencyControl`), apart for reads,
 * writes and deletes, which are of different weight. Reading a body that was opened, and going through a listing, is not
 * counted.
 */
export const limitConcurrency = (inner: Driver, options: ConcurrencyOptions = {}): LimitedDriver =>
  new LimitedDriver(inner, options);

export class LimitedDriver extends ForwardingDriver {
  readonly #limits: Limits | undefined;
  readonly #subscription: Disposable | undefined;
  readonly #lanes: Readonly<Record<Kind, Lane>>;

  constructor(inner: Driver, options: ConcurrencyOptions) {
    super(inner);
    const { limits, max = DEFAULT_MAX, now } = options;
    const { start = Math.min(DEFAULT_START, inner.capabilities.concurrency) } = options;
    const open = (): Lane => ({
      control: new ConcurrencyControl({ start, max, ...(now && { now }) }),
      waiting: [],
      running: 0,
    });
    this.#lanes = { read: open(), write: open(), delete: open() };
    this.#limits = limits;
    this.#subscription = limits?.subscribe(() => this.#wake());
    this.passTableSql(() => limits?.values.concurrency === undefined);
  }

  /** How many requests of a kind may run at once just now. */
  limitOf(kind: Kind): number {
    return Math.min(this.#lanes[kind].control.limit, this.#allowed);
  }

  /** What an operator allows for all kinds together. */
  get #allowed(): number {
    return this.#limits?.values.concurrency ?? Number.POSITIVE_INFINITY;
  }

  protected override async call<T>(call: Call<T>): Promise<T> {
    const lane = this.#lanes[kindOf(call.operation)];
    await this.#enter(lane, call.signal);
    const epoch = lane.control.begin(lane.waiting.length > 0);
    try {
      const result = await call.send(call.signal);
      if (isThrottledAnswer(result)) lane.control.throttled(epoch);
      else lane.control.answered();
      return result;
    } catch (error) {
      if (isThrottled(error)) lane.control.throttled(epoch);
      throw error;
    } finally {
      lane.running -= 1;
      this.#wake();
    }
  }

  #hasPlace(lane: Lane): boolean {
    if (lane.running >= lane.control.limit) return false;
    const allowed = this.#allowed;
    return (
      allowed === Number.POSITIVE_INFINITY || KINDS.reduce((sum, kind) => sum + this.#lanes[kind].running, 0) < allowed
    );
  }

  async #enter(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (lane.waiting.length === 0 && this.#hasPlace(lane)) {
      lane.running += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const enter = (): void => {
      lane.running += 1;
      resolve();
    };
    const leave = (): void => {
      const place = lane.waiting.indexOf(enter);
      if (place < 0) return;
      lane.waiting.splice(place, 1);
      reject(signal?.reason);
    };
    lane.waiting.push(enter);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  #wake(): void {
    for (const kind of KINDS) {
      const lane = this.#lanes[kind];
      while (this.#hasPlace(lane)) {
        const enter = lane.waiting.shift();
        if (enter === undefined) break;
        enter();
      }
    }
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription?.[Symbol.dispose]();
    await super[Symbol.asyncDispose]();
  }
}

const isThrottled = (error: unknown): boolean => isAppError(error, 'store.throttled', 'store.busy');

/** The answers to a bulk operation or a delete carry the errors of single objects. */
const isThrottledAnswer = (answer: unknown): boolean =>
  Array.isArray(answer) &&
  (answer as readonly (BulkResult<unknown> | DeleteOutcome)[]).some(
    (item) => typeof item === 'object' && item !== null && 'error' in item && isThrottled(item.error),
  );
