import type { AppError } from '../core/errors.ts';

/**
 * What every storage driver is. A driver translates between documents' keys, content URLs and the objects of one store,
 * and maps the store's errors to our codes. It never sleeps, retries or limits itself: wrappers do that
 * (`drivers/wrappers/`). A driver is accepted by passing the conformance suite.
 */

/** As configurations and journals name it: the name of its folder. Which there are, the registry knows alone. */
export type DriverName = string;

/** Identifies a document; the key of its metadata row. */
export interface DocumentKey {
  readonly userId: string;
  readonly bucket: string;
  readonly archiveId: string;
  readonly documentName: string;
}

/** Names one stored object: the content URL of its row, and the row's key (which `db` needs to find its row). */
export interface ObjectRef {
  readonly key: DocumentKey;
  readonly url: string;
}

/** Bytes to be stored. `open` can be called again, and then gives the same bytes from their beginning. */
export interface Payload {
  readonly sizeBytes: number;
  /** Lower-case hex MD5 of the bytes. */
  readonly md5: string;
  /** All bytes, where they are in memory. */
  readonly bytes?: Uint8Array;
  /** Whether `md5` was computed here from these very `bytes`, so that nobody has to do it again before sending them. */
  readonly hashed?: true;
  /** Lower-case hex SHA-256 of `bytes`, where it is known; only for a store that compares it with what it gets. */
  readonly sha256?: string;
  open(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** An object being read. The caller counts and hashes: nothing here is trusted. Reading to the end or breaking off frees it. */
export interface StoredObject {
  /** The length that the store announced, where it did. */
  readonly sizeBytes: number | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What a store says of an object without sending it. */
export interface ObjectInfo {
  readonly sizeBytes: number;
  /** Lower-case hex MD5, only where the store itself computed it from all the bytes that it holds. */
  readonly md5: string | undefined;
  /**
   * As long as it is the same, by the store's own account, nothing has written to the object or put another in its place.
   * undefined where the store has no such account, or where it would not show a change that followed at once.
   */
  readonly version?: string | undefined;
}

/** What a store answered to a write. `md5` and `sizeBytes` only where the store itself computed them from the stored bytes. */
export interface PutReceipt {
  readonly url: string;
  readonly md5: string | undefined;
  readonly sizeBytes: number | undefined;
  /** More than 1 where it was tried several times: an earlier try may still land after this one (rule R9). */
  readonly attempts?: number;
}

export interface PutOptions {
  /**
   * `create`: fails with `store.exists` where an object stands already (atomically if `capabilities.conditionalPut`,
   * otherwise as well as the store can tell); with `outcomeUnknown` where an earlier try of the same call, whose answer was
   * lost, may itself have put it there. `replace`: the object is replaced; readers see the old or the new one.
   */
  readonly mode: 'create' | 'replace';
  readonly signal?: AbortSignal;
}

export interface DeleteItem {
  readonly ref: ObjectRef;
  /** Only an object whose payload has this MD5 is deleted; undefined deletes whatever is there. */
  readonly md5: string | undefined;
}

/** `changed`: the object holds other bytes than expected and was left. `absent`: it was not there. */
export type DeleteOutcome =
  | {
      readonly outcome: 'deleted' | 'absent' | 'changed';
      /** How many requests of it may have taken effect, where it was not one: those before the last still may. */
      readonly attempts?: number;
    }
  | { readonly outcome: 'failed'; readonly error: AppError };

export interface ListedObject {
  readonly url: string;
  readonly sizeBytes: number;
}

export type BulkResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AppError };

/** Work on many small objects at once, for stores where that is cheaper. Results stand in the order of the arguments. */
export interface BulkOperations {
  /** At most so many objects in one call, and for `get` and `put` at most so many bytes of payload together. */
  readonly maxItems: number;
  readonly maxBytes: number;
  get(refs: readonly ObjectRef[], signal?: AbortSignal): Promise<readonly BulkResult<Uint8Array>[]>;
  put(
    items: readonly { readonly key: DocumentKey; readonly payload: Payload & { readonly bytes: Uint8Array } }[],
    options: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]>;
  head(refs: readonly ObjectRef[], signal?: AbortSignal): Promise<readonly BulkResult<ObjectInfo | undefined>[]>;
}

export interface Capabilities {
  /** Whether documents may be compressed in this store (all but `db`). */
  readonly compression: boolean;
  /** Whether `put` with mode `create` is atomic. Known after `prepare`. */
  readonly conditionalPut: boolean;
  /** Whether a listing shows every object whose write was acknowledged before it began. */
  readonly strongListing: boolean;
  /** Whether the objects lie in the database that holds the metadata. */
  readonly inDatabase: boolean;
  /** Whether `head` gives the version of an object that is some seconds old. */
  readonly versions?: boolean;
  /** The largest payload that one object can have. */
  readonly maxPayloadBytes: number;
  /** How many requests at once serve this store well, as a start. */
  readonly concurrency: number;
}

/** What tells one store from another, whatever name it was reached by. Journalled; holds no secret. */
export interface StoreIdentity {
  readonly driver: DriverName;
  /** Equal for equal stores: driver, endpoint, bucket or container or root or table, prefix. */
  readonly fingerprint: string;
  /**
   * Equal where equal content URLs mean equal objects (for S3 the endpoint, for localfs the machine). Two stores of one
   * driver with different namespaces can have identical URLs for different objects (rule R8).
   */
  readonly namespace: string;
  /** For a person, such as `s3 bucket "archive" at http://127.0.0.1:9000, prefix "a/"`. */
  readonly description: string;
}

/** Something about a store that an operator should know before a migration. */
export interface StoreCondition {
  readonly severity: 'refuse' | 'warn';
  /** Whether it matters as the source that will be cleaned, as the destination, or both. */
  readonly concerns: 'cleaning' | 'writing' | 'both';
  readonly error: AppError;
  /** Whether `--force` overrides it. */
  readonly forceable: boolean;
}

/** Room that a store holds on to when its objects are deleted, and how it gives it back. */
export interface SpaceKeeper {
  /** What the store takes now. */
  measure(): Promise<HeldSpace>;
  /**
   * Gives back what no object needs. It may take long, and keeps others out meanwhile. Throws `database.denied` with the
   * grant that is missing, `database.timeout` where others are at work on the store.
   */
  reclaim(signal?: AbortSignal): Promise<HeldSpace>;
}

export interface HeldSpace {
  /** For a person, such as `the table public.archive_document`. */
  readonly place: string;
  readonly sizeBytes: number;
}

/** SQL expressions of the parts of a document's key. */
export type KeySql = Readonly<Record<keyof DocumentKey, string>>;

/**
 * How a statement in the metadata's database reads and writes the objects of a store that lies in it, where they are. All
 * texts are ours, never input. An object is the row `t` of the store's table.
 */
export interface TableSql {
  /** For a FROM clause: the table as `t`. */
  readonly table: string;
  /** Whether `t` is the object of the document with this key, under the URL that `locate` gives. */
  readonly matches: (key: KeySql) => string;
  /** The content URL that `Driver.locate` gives. */
  readonly locate: (key: KeySql) => string;
  /** The payload of `t`, as bytea. It can fail where the row holds what it should not. */
  readonly payload: string;
  /**
   * An INSERT of the rows that `select` gives, as the key's parts (`user_id`, `bucket`, `archive_id`, `document_name`) and
   * `payload`, which returns the columns named, over `t`. Nothing that is there is changed, and nothing returned for it.
   * It fails where the store would keep one of these payloads in another form than the others.
   */
  readonly insert: (select: string, returning: string) => string;
}

export interface Driver extends AsyncDisposable {
  readonly name: DriverName;
  readonly capabilities: Capabilities;

  /** The content URL that a new document with this key gets. Throws `store.invalid-url` where the key has none. */
  locate(key: DocumentKey): string;
  /** Whether services configured with this driver could read this URL: its scheme, and a form that they parse. */
  recognises(url: string): boolean;
  /** Equal for two references exactly if they name the same object, within this store's namespace. */
  objectId(ref: ObjectRef): string;

  /** Makes ready to write: creates bucket, container or root where configured, and finds out `conditionalPut`. May be repeated. */
  prepare(signal?: AbortSignal): Promise<void>;
  identify(signal?: AbortSignal): Promise<StoreIdentity>;
  inspect(signal?: AbortSignal): Promise<readonly StoreCondition[]>;

  /** Throws `store.not-found` only where the store says so definitively. */
  get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject>;
  /** undefined only where the store says definitively that there is no such object. */
  head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectInfo | undefined>;
  /** Resolves when the object is durable. Throws `store.corrupt` where the bytes sent differ from `payload.md5` or size; then nothing is kept. */
  put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt>;
  /** Deletes durably. Results stand in the order of the items; one that fails does not stop the others. May be repeated. */
  delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]>;
  /** Every object of this store (under its root, prefix, table). Throws rather than to list a part. */
  list(signal?: AbortSignal): AsyncIterable<ListedObject>;

  readonly bulk?: BulkOperations;
  /** Only for stores in the metadata's database. undefined while something has to see each object pass, such as a limit. */
  tableSql?(): Promise<TableSql | undefined>;
  /** Only for stores that do not give back by themselves what deleting frees. */
  readonly space?: SpaceKeeper;

  /**
   * Copies an object of the same namespace to where `key` goes, without its bytes passing through here, if and only if the
   * store knows it by this MD5; the receipt's `md5` is the store's own of the new object. An object that stands there is
   * replaced. Throws where the store cannot or may not: then the bytes have to be read and written.
   */
  copyWithin?(
    source: ObjectRef,
    key: DocumentKey,
    expected: { readonly md5: string; readonly sizeBytes: number },
    signal?: AbortSignal,
  ): Promise<PutReceipt>;
}
