import type { ErrorCode } from '../../core/error-catalogue.ts';
import { toAppError } from '../../core/errors.ts';
import type {
  BulkOperations,
  BulkResult,
  DocumentKey,
  Driver,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
  StoredObject,
} from '../contract.ts';
import { type BytesItem, type Call, type CopyWithin, ForwardingDriver, type Operation } from './forwarding-driver.ts';

/** What was seen of one operation. Times end when the driver answers: for `get`, when the object is open. */
export interface OperationMeasure {
  readonly calls: number;
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
  /** Bytes of payload that were read, or acknowledged as written or copied. */
  readonly bytes: number;
  readonly totalMs: number;
  readonly maxMs: number;
  /** Calls by duration: each bucket counts those of at most so many milliseconds that no smaller one counts. */
  readonly histogram: ReadonlyMap<number, number>;
}

/** Upper bounds in milliseconds. */
const BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, Number.POSITIVE_INFINITY];

interface Counter {
  calls: number;
  failures: Partial<Record<ErrorCode, number>>;
  bytes: number;
  totalMs: number;
  maxMs: number;
  histogram: Map<number, number>;
}

export const measureDriver = (inner: Driver): MeasuredDriver => new MeasuredDriver(inner);

/** Counts and times what passes. */
export class MeasuredDriver extends ForwardingDriver {
  readonly #counters = new Map<Operation, Counter>();
  #running = 0;

  constructor(inner: Driver) {
    super(inner);
    this.passTableSql();
  }

  get measures(): ReadonlyMap<Operation, OperationMeasure> {
    return this.#counters;
  }

  /** Requests that have not been answered yet, and bodies that are being read. */
  get running(): number {
    return this.#running;
  }

  protected override async call<T>(call: Call<T>): Promise<T> {
    const counter = this.#counterOf(call.operation);
    const startMs = performance.now();
    this.#running += 1;
    try {
      return await call.send(call.signal);
    } catch (error) {
      const { code } = toAppError(error);
      counter.failures[code] = (counter.failures[code] ?? 0) + 1;
      throw error;
    } finally {
      this.#running -= 1;
      const elapsedMs = performance.now() - startMs;
      const bucket = BUCKETS.find((bound) => elapsedMs <= bound) ?? Number.POSITIVE_INFINITY;
      counter.calls += 1;
      counter.totalMs += elapsedMs;
      counter.maxMs = Math.max(counter.maxMs, elapsedMs);
      counter.histogram.set(bucket, (counter.histogram.get(bucket) ?? 0) + 1);
    }
  }

  override async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    const object = await super.get(ref, signal);
    return { sizeBytes: object.sizeBytes, chunks: this.#counted(object.chunks) };
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const counter = this.#counterOf('get');
    this.#running += 1;
    try {
      for await (const chunk of chunks) {
        counter.bytes += chunk.length;
        yield chunk;
      }
    } finally {
      this.#running -= 1;
    }
  }

  override async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    const receipt = await super.put(key, payload, options);
    this.#counterOf('put').bytes += payload.sizeBytes;
    return receipt;
  }

  protected override async copy(copy: CopyWithin, ...args: Parameters<CopyWithin>): Promise<PutReceipt> {
    const receipt = await super.copy(copy, ...args);
    this.#counterOf('copyWithin').bytes += args[2].sizeBytes;
    return receipt;
  }

  protected override async bulkGet(
    bulk: BulkOperations,
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<Uint8Array>[]> {
    const results = await super.bulkGet(bulk, refs, signal);
    for (const result of results) if (result.ok) this.#counterOf('bulk.get').bytes += result.value.length;
    return results;
  }

  protected override async bulkPut(
    bulk: BulkOperations,
    items: readonly BytesItem[],
    options: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]> {
    const results = await super.bulkPut(bulk, items, options);
    for (const [index, item] of items.entries()) {
      if (results[index]?.ok === true) this.#counterOf('bulk.put').bytes += item.payload.sizeBytes;
    }
    return results;
  }

  #counterOf(operation: Operation): Counter {
    const counter = this.#counters.get(operation) ?? {
      calls: 0,
      failures: {},
      bytes: 0,
      totalMs: 0,
      maxMs: 0,
      histogram: new Map(),
    };
    this.#counters.set(operation, counter);
    return counter;
  }
}
