import { AppError } from '../../core/errors.ts';
import { untilAborted } from '../checked-payload.ts';
import type {
  DocumentKey,
  Driver,
  ListedObject,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
  StoredObject,
} from '../contract.ts';
import { type Call, type CopyWithin, ForwardingDriver, withSignal } from './forwarding-driver.ts';

export interface TimeoutOptions {
  /** The longest time in which nothing may happen: no answer, no chunk read or taken. */
  readonly idleMs: number;
  /**
   * The longest time that one operation may take, writing a body included, apart from the time that its bytes take at
   * the slowest rate that is no fault (`SLOWEST_BYTES_PER_SECOND`); reading one has its own time, from its beginning.
   */
  readonly totalMs: number;
}

/**
 * Ends what takes too long with `store.timeout`, at once: the driver is told by its signal, but not waited for, so
 * that one that does not listen cannot hold anybody up. A write that was ended so may still land (rule R9).
 */
export const limitTime = (inner: Driver, options: TimeoutOptions): Driver => new TimedDriver(inner, options);

/** An operator may limit the bandwidth; what still moves so fast has not failed, however large it is. */
const SLOWEST_BYTES_PER_SECOND = 16 * 1024;

const timeFor = ({ idleMs, totalMs }: TimeoutOptions, sizeBytes: number | undefined): TimeoutOptions => ({
  idleMs,
  totalMs: Math.min(MAX_TIMER_MS, totalMs + ((sizeBytes ?? 0) / SLOWEST_BYTES_PER_SECOND) * 1000),
});

/** Two clocks and the caller's signal that end in one signal. `AbortSignal.any` costs more than all of this together. */
class Watch implements Disposable {
  options: TimeoutOptions;
  readonly #controller = new AbortController();
  readonly #subject: string;
  readonly #parent: AbortSignal | undefined;
  readonly #ended = Promise.withResolvers<never>();
  #total: NodeJS.Timeout | undefined;
  #running = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: TimeoutOptions, subject: string, signal: AbortSignal | undefined) {
    this.options = options;
    this.#subject = subject;
    this.#parent = signal;
    this.#ended.promise.catch(() => undefined); // whoever waits sees it
    if (signal?.aborted === true) {
      this.#abort(signal.reason);
    } else {
      signal?.addEventListener('abort', this.#onParentAbort, { once: true });
      this.start();
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The work's result, or what ended the watch, as soon as it does. */
  async guard<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined);
    return Promise.race([work, this.#ended.promise]);
  }

  /** Both clocks start, from their beginning. */
  start(): void {
    this.stop();
    const { totalMs } = this.options;
    this.#running = true;
    this.#total = setTimeout(() => this.#end('it took longer than', totalMs), totalMs);
    this.progress();
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#idle);
    clearTimeout(this.#total);
  }

  /** Something happened: the idle clock starts again. */
  progress(): void {
    clearTimeout(this.#idle);
    if (!this.#running) return; // a body that goes on after its operation has ended
    this.#idle = setTimeout(() => this.#end('nothing happened for', this.options.idleMs), this.options.idleMs);
  }

  /** Nothing is expected of the store just now, since its reader is busy. */
  pause(): void {
    clearTimeout(this.#idle);
  }

  [Symbol.dispose](): void {
    this.stop();
    this.#parent?.removeEventListener('abort', this.#onParentAbort);
  }

  readonly #onParentAbort = (): void => this.#abort(this.#parent?.reason);

  #end(what: string, limitMs: number): void {
    this.#abort(new AppError('store.timeout', `${this.#subject}: ${what} ${limitMs} ms`));
  }

  #abort(reason: unknown): void {
    this.#controller.abort(reason);
    this.#ended.reject(reason);
  }
}

class TimedDriver extends ForwardingDriver {
  readonly #options: TimeoutOptions;

  constructor(inner: Driver, options: TimeoutOptions) {
    super(inner);
    this.#options = options;
  }

  protected override async call<T>(call: Call<T>): Promise<T> {
    using watch = new Watch(this.#options, call.subject, call.signal);
    return await watch.guard(call.send(watch.signal));
  }

  override async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    const watch = new Watch(this.#options, ref.url, signal);
    try {
      const object = await watch.guard(this.inner.get(ref, watch.signal));
      watch.options = timeFor(this.#options, object.sizeBytes);
      return { sizeBytes: object.sizeBytes, chunks: watched(object.chunks, watch) };
    } catch (error) {
      watch[Symbol.dispose]();
      throw error;
    } finally {
      // Until somebody reads, nobody waits for the store; perhaps nobody ever will.
      watch.stop();
    }
  }

  override async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    using watch = new Watch(timeFor(this.#options, payload.sizeBytes), this.locate(key), options.signal);
    const watchedPayload: Payload = {
      ...payload,
      open: async function* (signal) {
        watch.pause(); // the source has its own clock, and a limit of bandwidth none
        for await (const chunk of payload.open(signal)) {
          watch.progress();
          yield chunk;
          watch.pause();
        }
        watch.progress();
      },
    };
    return await watch.guard(this.inner.put(key, watchedPayload, withSignal(options.mode, watch.signal)));
  }

  /** No byte passes while the store copies, so only the total time counts. */
  protected override async copy(
    copy: CopyWithin,
    ...[source, key, expected, signal]: Parameters<CopyWithin>
  ): Promise<PutReceipt> {
    const { totalMs } = this.#options;
    using watch = new Watch({ totalMs, idleMs: totalMs }, this.locate(key), signal);
    return await watch.guard(copy(source, key, expected, watch.signal));
  }

  override async *list(signal?: AbortSignal): AsyncIterable<ListedObject> {
    const options = { ...this.#options, totalMs: MAX_TIMER_MS };
    using watch = new Watch(options, `the listing of ${this.name}`, signal);
    yield* watched(this.inner.list(watch.signal), watch);
  }
}

/** A listing may take as long as it goes on; the longest that a timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

async function* watched<T>(items: AsyncIterable<T>, watch: Watch): AsyncGenerator<T, void> {
  using running = watch;
  running.start();
  for await (const item of untilAborted(items, running.signal)) {
    running.pause();
    yield item;
    running.progress();
  }
}
