import type {
  BulkOperations,
  BulkResult,
  Capabilities,
  DeleteItem,
  DeleteOutcome,
  DocumentKey,
  Driver,
  DriverName,
  ListedObject,
  ObjectInfo,
  ObjectRef,
  Payload,
  PutOptions,
  PutReceipt,
  SpaceKeeper,
  StoredObject,
  StoreCondition,
  StoreIdentity,
} from '../contract.ts';

export type Operation =
  | 'prepare'
  | 'identify'
  | 'inspect'
  | 'get'
  | 'head'
  | 'put'
  | 'copyWithin'
  | 'delete'
  | 'list'
  | 'bulk.get'
  | 'bulk.put'
  | 'bulk.head';

export type BytesItem = { readonly key: DocumentKey; readonly payload: Payload & { readonly bytes: Uint8Array } };

/** Copies within the store, of the driver that a wrapper wraps. */
export type CopyWithin = NonNullable<Driver['copyWithin']>;

type TableSqlOf = NonNullable<Driver['tableSql']>;

/** One request to the store, as a wrapper sees it pass. */
export interface Call<T> {
  readonly operation: Operation;
  /** What it is about, for a person: a URL, or how many objects. */
  readonly subject: string;
  readonly signal: AbortSignal | undefined;
  /** Sends it. May be called again. */
  readonly send: (signal: AbortSignal | undefined) => Promise<T>;
}

/**
 * Passes everything on to the driver that it wraps, which it owns. Wrappers override what they change: `call` for what
 * holds for every request, or single operations.
 */
export class ForwardingDriver implements Driver {
  readonly bulk?: BulkOperations;
  /** As it is: what takes long on purpose has no deadline, and is not repeated. */
  readonly space?: SpaceKeeper;
  readonly copyWithin?: CopyWithin;
  tableSql?: TableSqlOf;
  protected readonly inner: Driver;

  constructor(inner: Driver) {
    this.inner = inner;
    if (inner.space !== undefined) this.space = inner.space;
    const copy = inner.copyWithin?.bind(inner);
    if (copy !== undefined) this.copyWithin = (...args) => this.copy(copy, ...args);
    const { bulk } = inner;
    if (bulk === undefined) return;
    this.bulk = {
      maxItems: bulk.maxItems,
      maxBytes: bulk.maxBytes,
      get: (refs, signal) => this.bulkGet(bulk, refs, signal),
      put: (items, options) => this.bulkPut(bulk, items, options),
      head: (refs, signal) => this.bulkHead(bulk, refs, signal),
    };
  }

  protected call<T>(call: Call<T>): Promise<T> {
    return call.send(call.signal);
  }

  /** For wrappers that need not see each object, while `isAllowed`: statements of the database pass all of them by. */
  protected passTableSql(isAllowed: () => boolean = () => true): void {
    const sql = this.inner.tableSql?.bind(this.inner);
    if (sql !== undefined) this.tableSql = async () => (isAllowed() ? sql() : undefined);
  }

  get name(): DriverName {
    return this.inner.name;
  }

  get capabilities(): Capabilities {
    return this.inner.capabilities;
  }

  locate(key: DocumentKey): string {
    return this.inner.locate(key);
  }

  recognises(url: string): boolean {
    return this.inner.recognises(url);
  }

  objectId(ref: ObjectRef): string {
    return this.inner.objectId(ref);
  }

  async prepare(signal?: AbortSignal): Promise<void> {
    return this.call({ operation: 'prepare', subject: this.name, signal, send: (s) => this.inner.prepare(s) });
  }

  async identify(signal?: AbortSignal): Promise<StoreIdentity> {
    return this.call({ operation: 'identify', subject: this.name, signal, send: (s) => this.inner.identify(s) });
  }

  async inspect(signal?: AbortSignal): Promise<readonly StoreCondition[]> {
    return this.call({ operation: 'inspect', subject: this.name, signal, send: (s) => this.inner.inspect(s) });
  }

  async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    return this.call({ operation: 'get', subject: ref.url, signal, send: (s) => this.inner.get(ref, s) });
  }

  async head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.call({ operation: 'head', subject: ref.url, signal, send: (s) => this.inner.head(ref, s) });
  }

  async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    const { mode, signal } = options;
    const send = (s: AbortSignal | undefined) => this.inner.put(key, payload, withSignal(mode, s));
    return this.call({ operation: 'put', subject: this.locate(key), signal, send });
  }

  protected async copy(
    copy: CopyWithin,
    ...[source, key, expected, signal]: Parameters<CopyWithin>
  ): Promise<PutReceipt> {
    const send = (s: AbortSignal | undefined) => copy(source, key, expected, s);
    return this.call({ operation: 'copyWithin', subject: this.locate(key), signal, send });
  }

  async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    const subject = countOf(items.length);
    return this.call({ operation: 'delete', subject, signal, send: (s) => this.inner.delete(items, s) });
  }

  list(signal?: AbortSignal): AsyncIterable<ListedObject> {
    return this.inner.list(signal);
  }

  protected async bulkGet(
    bulk: BulkOperations,
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<Uint8Array>[]> {
    const subject = countOf(refs.length);
    return this.call({ operation: 'bulk.get', subject, signal, send: (s) => bulk.get(refs, s) });
  }

  protected async bulkPut(
    bulk: BulkOperations,
    items: readonly BytesItem[],
    options: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]> {
    const { mode, signal } = options;
    const subject = countOf(items.length);
    return this.call({ operation: 'bulk.put', subject, signal, send: (s) => bulk.put(items, withSignal(mode, s)) });
  }

  protected async bulkHead(
    bulk: BulkOperations,
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<ObjectInfo | undefined>[]> {
    const subject = countOf(refs.length);
    return this.call({ operation: 'bulk.head', subject, signal, send: (s) => bulk.head(refs, s) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]();
  }
}

export const withSignal = (mode: PutOptions['mode'], signal: AbortSignal | undefined): PutOptions =>
  signal === undefined ? { mode } : { mode, signal };

const countOf = (count: number): string => (count === 1 ? '1 object' : `${count} objects`);
