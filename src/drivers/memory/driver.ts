import { createHash } from 'node:crypto';
import { AppError, toAppError } from '../../core/errors.ts';
import { checkBytes, openChecked } from '../checked-payload.ts';
import type {
  BulkOperations,
  BulkResult,
  Capabilities,
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
  StoredObject,
  StoreCondition,
  StoreIdentity,
} from '../contract.ts';

export interface MemoryOptions {
  /** Opened drivers that name the same space share its objects. */
  readonly space: string;
  /** Stands before every key in the URLs, so that two spaces can have different ones. */
  readonly prefix?: string;
}

/** The objects of one space, by URL. */
type Space = Map<string, Uint8Array>;

const SCHEME = 'memory://';
const CHUNK_BYTES = 64 * 1024;
const MAX_PAYLOAD_BYTES = 1024 ** 3;
const BULK_ITEMS = 1000;
const BULK_BYTES = 16 * 1024 * 1024;

const md5Of = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/**
 * Spaces of this process, for tests: two names can be made to mean one space, as two configurations can reach one real
 * store by different names.
 */
export class MemorySpaces {
  readonly #spaces = new Map<string, Space>();

  find(name: string): Space {
    const space = this.#spaces.get(name) ?? new Map<string, Uint8Array>();
    this.#spaces.set(name, space);
    return space;
  }

  /** From now on `alias` names the space `name`. */
  alias(alias: string, name: string): void {
    this.#spaces.set(alias, this.find(name));
  }
}

/** Those that the registry gives to every driver that it opens: instances of one process share them. */
const PROCESS_SPACES = new MemorySpaces();

export const openMemoryDriver = (options: MemoryOptions, spaces = PROCESS_SPACES): Driver =>
  new MemoryDriver(options.space, spaces.find(options.space), options.prefix ?? '');

/**
 * Keeps objects in this process. It is the contract in its shortest form, and fast enough to test everything above it.
 */
class MemoryDriver implements Driver {
  readonly name = 'memory';
  readonly capabilities: Capabilities = {
    compression: true,
    conditionalPut: true,
    strongListing: true,
    inDatabase: false,
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
    concurrency: 4,
  };
  readonly bulk: BulkOperations;
  readonly #spaceName: string;
  readonly #space: Space;
  readonly #prefix: string;

  constructor(spaceName: string, space: Space, prefix: string) {
    this.#prefix = prefix;
    this.#spaceName = spaceName;
    this.#space = space;
    this.bulk = {
      maxItems: BULK_ITEMS,
      maxBytes: BULK_BYTES,
      get: async (refs, signal) => {
        signal?.throwIfAborted();
        return refs.map((ref) => attempt(() => this.#find(ref)));
      },
      put: async (items, { mode, signal }) => {
        signal?.throwIfAborted();
        return items.map(({ key, payload }) =>
          attempt(() => {
            const url = this.locate(key);
            checkBytes(payload, url);
            return this.#keep(url, Uint8Array.from(payload.bytes), mode);
          }),
        );
      },
      head: async (refs, signal) => {
        signal?.throwIfAborted();
        return refs.map((ref) => ({ ok: true, value: this.#describe(ref) }));
      },
    };
  }

  locate(key: DocumentKey): string {
    return `${SCHEME}${this.#prefix}${key.userId}/${key.bucket}/${key.archiveId}`;
  }

  recognises(url: string): boolean {
    return url.startsWith(SCHEME);
  }

  objectId(ref: ObjectRef): string {
    return ref.url;
  }

  async prepare(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
  }

  async identify(): Promise<StoreIdentity> {
    const description = `memory space "${this.#spaceName}"`;
    return {
      driver: 'memory',
      fingerprint: `memory:${this.#spaceName}`,
      namespace: `memory:${this.#spaceName}`,
      description,
    };
  }

  async inspect(): Promise<readonly StoreCondition[]> {
    return [];
  }

  async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    signal?.throwIfAborted();
    const bytes = this.#find(ref);
    return { sizeBytes: bytes.length, chunks: cut(bytes, signal) };
  }

  async head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    signal?.throwIfAborted();
    return this.#describe(ref);
  }

  async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    options.signal?.throwIfAborted();
    const url = this.locate(key);
    if (options.mode === 'create' && this.#space.has(url)) throw standsAlready(url);
    const chunks: Uint8Array[] = [];
    for await (const chunk of openChecked(payload, url, options.signal)) chunks.push(Uint8Array.from(chunk));
    return this.#keep(url, Buffer.concat(chunks), options.mode);
  }

  async copyWithin(
    source: ObjectRef,
    key: DocumentKey,
    expected: { readonly md5: string; readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<PutReceipt> {
    signal?.throwIfAborted();
    const url = this.locate(key);
    if (url === source.url) throw standsAlready(url);
    const bytes = this.#find(source);
    if (bytes.length !== expected.sizeBytes || md5Of(bytes) !== expected.md5)
      throw new AppError('store.failed', `${source.url} does not have the MD5 ${expected.md5}`);
    return this.#keep(url, Uint8Array.from(bytes), 'replace');
  }

  async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    signal?.throwIfAborted();
    return items.map(({ ref, md5 }) => {
      const bytes = this.#space.get(ref.url);
      if (bytes === undefined) return { outcome: 'absent' };
      if (md5 !== undefined && md5 !== md5Of(bytes)) return { outcome: 'changed' };
      this.#space.delete(ref.url);
      return { outcome: 'deleted' };
    });
  }

  async *list(signal?: AbortSignal): AsyncIterable<ListedObject> {
    for (const [url, bytes] of this.#space) {
      signal?.throwIfAborted();
      yield { url, sizeBytes: bytes.length };
    }
    signal?.throwIfAborted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The space outlives its drivers.
  }

  #find(ref: ObjectRef): Uint8Array {
    const bytes = this.#space.get(ref.url);
    if (bytes === undefined) throw new AppError('store.not-found', `${ref.url} is not there`);
    return bytes;
  }

  #describe(ref: ObjectRef): ObjectInfo | undefined {
    const bytes = this.#space.get(ref.url);
    return bytes === undefined ? undefined : { sizeBytes: bytes.length, md5: md5Of(bytes) };
  }

  #keep(url: string, bytes: Uint8Array, mode: PutOptions['mode']): PutReceipt {
    if (mode === 'create' && this.#space.has(url)) throw standsAlready(url);
    this.#space.set(url, bytes);
    return { url, md5: md5Of(bytes), sizeBytes: bytes.length };
  }
}

const standsAlready = (url: string): AppError => new AppError('store.exists', `${url} is there already`);

const attempt = <T>(work: () => T): BulkResult<T> => {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error: toAppError(error) };
  }
};

async function* cut(bytes: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    signal?.throwIfAborted();
    yield bytes.subarray(start, start + CHUNK_BYTES);
  }
}
