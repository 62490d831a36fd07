import type {
  BulkOperations,
  BulkResult,
  DeleteItem,
  DeleteOutcome,
  DocumentKey,
  Driver,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
  StoredObject,
} from '../contract.ts';
import { type BytesItem, type Call, ForwardingDriver } from './forwarding-driver.ts';
import type { Limits } from './limits.ts';
import { TokenBucket } from './token-bucket.ts';

/** Objects below this are read in one piece, which is not worth a look of its own while nothing is limited; in bytes. */
const SMALL_BYTES = 256 * 1024;
/** Bytes pass in pieces of at most so many, so that a slow stream never stands still for long. */
const PIECE_BYTES = 64 * 1024;

/**
 * Holds a store to the limits of bytes and of requests a second, which may change at any time. An object's deletion and
 * its look before count as one request; what a store does in several requests on its own (the parts of a large upload,
 * pages of a listing) counts as one too. A copy that the store makes itself takes no bandwidth.
 */
export const throttle = (inner: Driver, limits: Limits): Driver => new ThrottledDriver(inner, limits);

class ThrottledDriver extends ForwardingDriver {
  readonly #requests: TokenBucket;
  readonly #read: TokenBucket;
  readonly #written: TokenBucket;
  readonly #subscription: Disposable;

  constructor(inner: Driver, limits: Limits) {
    super(inner);
    const { requestsPerSecond, bandwidthBytesPerSecond } = limits.values;
    this.#requests = new TokenBucket(requestsPerSecond);
    this.#read = new TokenBucket(bandwidthBytesPerSecond);
    this.#written = new TokenBucket(bandwidthBytesPerSecond);
    this.passTableSql(() =>
      [limits.values.requestsPerSecond, limits.values.bandwidthBytesPerSecond].every((limit) => limit === undefined),
    );
    this.#subscription = limits.subscribe(() => {
      this.#requests.setRate(limits.values.requestsPerSecond);
      this.#read.setRate(limits.values.bandwidthBytesPerSecond);
      this.#written.setRate(limits.values.bandwidthBytesPerSecond);
    });
  }

  protected override async call<T>(call: Call<T>): Promise<T> {
    await this.#requests.take(1, call.signal);
    return call.send(call.signal);
  }

  override async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    const object = await super.get(ref, signal);
    if (!this.#read.isLimited && (object.sizeBytes ?? SMALL_BYTES) < SMALL_BYTES) return object;
    return { sizeBytes: object.sizeBytes, chunks: paced(object.chunks, this.#read, signal) };
  }

  override async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    if (payload.bytes !== undefined) {
      // Before the request, whose time is short.
      await this.#written.take(payload.sizeBytes, options.signal);
      return super.put(key, payload, options);
    }
    const open = (signal?: AbortSignal): AsyncIterable<Uint8Array> =>
      paced(payload.open(signal), this.#written, signal);
    return super.put(key, { ...payload, open }, options);
  }

  override async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    // The first one is counted with the call; a table's rows go in one statement.
    if (!this.capabilities.inDatabase) await this.#requests.take(items.length - 1, signal);
    return super.delete(items, signal);
  }

  protected override async bulkGet(
    bulk: BulkOperations,
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<Uint8Array>[]> {
    const results = await super.bulkGet(bulk, refs, signal);
    const readBytes = results.reduce((sum, result) => sum + (result.ok ? result.value.length : 0), 0);
    await this.#read.take(readBytes, signal);
    return results;
  }

  protected override async bulkPut(
    bulk: BulkOperations,
    items: readonly BytesItem[],
    options: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]> {
    const writtenBytes = items.reduce((sum, { payload }) => sum + payload.sizeBytes, 0);
    await this.#written.take(writtenBytes, options.signal);
    return super.bulkPut(bulk, items, options);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]();
    await super[Symbol.asyncDispose]();
  }
}

async function* paced(
  chunks: AsyncIterable<Uint8Array>,
  bucket: TokenBucket,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (!bucket.isLimited) {
      yield chunk;
      continue;
    }
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
      const piece = chunk.subarray(start, start + PIECE_BYTES);
      await bucket.take(piece.length, signal);
      yield piece;
    }
  }
}
