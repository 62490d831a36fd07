import { AppError, isAppError, toAppError } from '../../core/errors.ts';
import type {
  BulkOperations,
  BulkResult,
  DeleteItem,
  DeleteOutcome,
  DocumentKey,
  Driver,
  ListedObject,
  ObjectInfo,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
} from '../contract.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import { type BytesItem, type Call, type CopyWithin, ForwardingDriver, type Operation } from './forwarding-driver.ts';

export interface RetryOptions extends BackoffOptions {
  /** Told before each wait. */
  readonly onRetry?: (operation: Operation, subject: string, error: AppError) => void;
}

export const DEFAULT_RETRY: RetryOptions = { baseDelayMs: 200, maxDelayMs: 20_000, totalMs: 120_000 };

/**
 * Tries again what failed with a retryable error; in a bulk operation only the objects that did. A body is opened anew
 * for each try. A read that breaks off after it was opened is the caller's to repeat, and fails with a retryable
 * error; so does a listing of which something was already given.
 */
export const retryDriver = (inner: Driver, options: RetryOptions = DEFAULT_RETRY): Driver =>
  new RetryingDriver(inner, options);

const CORRUPT_TRIES = 3;

/** What a try may have left behind: everything but a plain refusal. */
const mayHaveTakenEffect = (error: AppError): boolean => !isAppError(error, 'store.throttled');

/** `store.exists` where the object may be that of an earlier try whose answer was lost: only its bytes can tell. */
const explainExists = (error: AppError, earlierUnknown: boolean): AppError =>
  earlierUnknown && isAppError(error, 'store.exists')
    ? new AppError('store.exists', error.message, { cause: error, outcomeUnknown: true })
    : error;

const withAttempts = (receipt: PutReceipt, attempts: number): PutReceipt =>
  attempts === 1 ? receipt : { ...receipt, attempts };

class RetryingDriver extends ForwardingDriver {
  readonly #options: RetryOptions;

  constructor(inner: Driver, options: RetryOptions) {
    super(inner);
    this.#options = options;
    this.passTableSql();
  }

  protected override async call<T>(call: Call<T>): Promise<T> {
    const backoff = new Backoff(this.#options);
    for (;;) {
      try {
        return await call.send(call.signal);
      } catch (thrown) {
        if (!(await this.#again(backoff, call, thrown))) throw thrown;
      }
    }
  }

  override async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    const backoff = new Backoff(this.#options);
    let unknown = false;
    const call = { operation: 'put', subject: this.locate(key), signal: options.signal } as const;
    for (;;) {
      try {
        return withAttempts(await this.inner.put(key, payload, options), backoff.tries);
      } catch (thrown) {
        if (!(thrown instanceof AppError)) throw thrown;
        if (!(await this.#again(backoff, call, thrown))) throw explainExists(thrown, unknown);
        unknown ||= mayHaveTakenEffect(thrown);
      }
    }
  }

  protected override async copy(copy: CopyWithin, ...args: Parameters<CopyWithin>): Promise<PutReceipt> {
    let attempts = 0;
    const counted: CopyWithin = (...again) => {
      attempts += 1;
      return copy(...again);
    };
    return withAttempts(await super.copy(counted, ...args), attempts);
  }

  override async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    const unanswered = new Map<DeleteItem, number>();
    const lose = (item: DeleteItem | undefined, error: AppError): BulkResult<never> => {
      if (item !== undefined && mayHaveTakenEffect(error)) unanswered.set(item, (unanswered.get(item) ?? 0) + 1);
      return { ok: false, error };
    };
    const results = await this.#each<DeleteItem, DeleteOutcome>('delete', items, signal, async (some) => {
      const outcomes = await this.inner.delete(some, signal).catch((thrown: unknown) => {
        if (!isAppError(thrown) || !thrown.retryable) throw thrown;
        return some.map((): DeleteOutcome => ({ outcome: 'failed', error: thrown }));
      });
      return outcomes.map((outcome, index): BulkResult<DeleteOutcome> => {
        const item = some[index];
        if (outcome.outcome === 'failed') return lose(item, outcome.error);
        const before = (item && unanswered.get(item)) ?? 0;
        return { ok: true, value: before === 0 ? outcome : { ...outcome, attempts: before + 1 } };
      });
    });
    return results.map((result) => (result.ok ? result.value : { outcome: 'failed', error: result.error }));
  }

  override async *list(signal?: AbortSignal): AsyncIterable<ListedObject> {
    const backoff = new Backoff(this.#options);
    for (;;) {
      let given = false;
      try {
        for await (const object of this.inner.list(signal)) {
          given = true;
          yield object;
        }
        return;
      } catch (thrown) {
        const call = { operation: 'list', subject: this.name, signal } as const;
        if (given || !(await this.#again(backoff, call, thrown))) throw thrown;
      }
    }
  }

  protected override bulkGet(
    bulk: BulkOperations,
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<Uint8Array>[]> {
    return this.#each('bulk.get', refs, signal, (some) => bulk.get(some, signal));
  }

  protected override bulkHead(
    bulk: BulkOperations,
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<ObjectInfo | undefined>[]> {
    return this.#each('bulk.head', refs, signal, (some) => bulk.head(some, signal));
  }

  protected override async bulkPut(
    bulk: BulkOperations,
    items: readonly BytesItem[],
    options: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]> {
    const unknown = new Set<BytesItem>();
    const attempts = new Map<BytesItem, number>();
    return this.#each('bulk.put', items, options.signal, async (some) => {
      for (const item of some) attempts.set(item, (attempts.get(item) ?? 0) + 1);
      const results = await bulk.put(some, options).catch((thrown: unknown): readonly BulkResult<PutReceipt>[] => {
        if (!(thrown instanceof AppError)) throw thrown;
        return some.map(() => ({ ok: false, error: thrown }));
      });
      return some.map((item, index): BulkResult<PutReceipt> => {
        const result = results[index] ?? missingAnswer();
        if (result.ok) return { ok: true, value: withAttempts(result.value, attempts.get(item) ?? 1) };
        const error = explainExists(result.error, unknown.has(item));
        if (error.retryable && mayHaveTakenEffect(error)) unknown.add(item);
        return { ok: false, error };
      });
    });
  }

  /** Sends all, then those that failed and may do better, until none is left or the time is up. */
  async #each<Item, T>(
    operation: Operation,
    items: readonly Item[],
    signal: AbortSignal | undefined,
    send: (items: readonly Item[]) => Promise<readonly BulkResult<T>[]>,
  ): Promise<readonly BulkResult<T>[]> {
    const backoff = new Backoff(this.#options);
    const results = new Array<BulkResult<T>>(items.length);
    let open = items.map((item, index) => ({ item, index }));
    for (;;) {
      const answers = await this.#sendOrFailAll(
        open.map(({ item }) => item),
        send,
      );
      open.forEach(({ index }, position) => (results[index] = answers[position] ?? missingAnswer()));
      open = open.filter(({ index }) => isRetryable(results[index]));
      const worst = findSlowest(open.map(({ index }) => results[index]));
      const call = { operation, subject: `${open.length} of ${items.length} objects`, signal };
      if (worst === undefined || !(await this.#again(backoff, call, worst))) return results;
    }
  }

  async #sendOrFailAll<Item, T>(
    items: readonly Item[],
    send: (items: readonly Item[]) => Promise<readonly BulkResult<T>[]>,
  ): Promise<readonly BulkResult<T>[]> {
    try {
      return await send(items);
    } catch (thrown) {
      if (!isAppError(thrown) || !thrown.retryable) throw thrown;
      return items.map(() => ({ ok: false, error: thrown }));
    }
  }

  async #again(backoff: Backoff, call: Omit<Call<never>, 'send'>, thrown: unknown): Promise<boolean> {
    if (!(thrown instanceof AppError)) return false;
    if (!thrown.retryable || call.signal?.aborted === true) return false;
    // What arrives wrong so often was wrong before it was sent.
    if (isAppError(thrown, 'store.corrupt') && backoff.tries >= CORRUPT_TRIES) return false;
    this.#options.onRetry?.(call.operation, call.subject, thrown);
    return backoff.next(thrown, call.signal);
  }
}

const missingAnswer = (): BulkResult<never> => ({
  ok: false,
  error: toAppError(new Error('a driver left an object out of its answer')),
});

const isRetryable = (result: BulkResult<unknown> | undefined): boolean =>
  result?.ok === false && result.error.retryable;

/** The error that asks for the longest wait. */
const findSlowest = (results: readonly (BulkResult<unknown> | undefined)[]): AppError | undefined =>
  results
    .flatMap((result) => (result?.ok === false ? [result.error] : []))
    .reduce<AppError | undefined>(
      (worst, error) => ((error.retryAfterMs ?? 0) > (worst?.retryAfterMs ?? -1) ? error : worst),
      undefined,
    );
