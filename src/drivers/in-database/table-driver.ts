import { isUtf8 } from 'node:buffer';
import { AppError, toAppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import { abortable } from '../abortable.ts';
import { checkBytes, collectBytes, untilAborted } from '../checked-payload.ts';
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
  SpaceKeeper,
  StoredObject,
  StoreCondition,
  StoreIdentity,
  TableSql,
} from '../contract.ts';
import { eachOrAll, wrapAll } from './each-or-all.ts';
import { identifyTable } from './identity.ts';
import type { PayloadTable } from './payload-table.ts';
import { keepTableSpace } from './table-space.ts';
import { type BytesItem, TableStore } from './table-store.ts';

/**
 * PostgreSQL itself ends at 1 GB for a value and for the text in which it goes into a dump, which for bytes has two
 * characters each.
 */
const MAX_PAYLOAD_BYTES = 500 * 1024 * 1024;
/** The embedded database lives in this process, and takes some twenty times the size of a value while it stores it. */
const MAX_EMBEDDED_PAYLOAD_BYTES = 64 * 1024 * 1024;

const LIST_PAGE_ROWS = 1000;
const DELETE_ROWS = 500;
const BULK_ITEMS = 500;
const BULK_BYTES = 8 * 1024 * 1024;

/** A driver for payloads in a table of the database that holds the metadata. */
export class TableDriver implements Driver {
  readonly name: PayloadTable['driver'];
  readonly capabilities: Capabilities;
  readonly bulk: BulkOperations;
  readonly space: SpaceKeeper;
  readonly #db: Database;
  /** The form that URLs and row keys have, whatever columns the table turns out to have. */
  readonly #form: PayloadTable;
  readonly #findTable: () => Promise<PayloadTable>;
  #store: Promise<TableStore> | undefined;

  constructor(db: Database, form: PayloadTable, compression: boolean, findTable: () => Promise<PayloadTable>) {
    this.#db = db;
    this.#form = form;
    this.#findTable = findTable;
    this.name = form.driver;
    this.capabilities = {
      compression,
      conditionalPut: true,
      strongListing: true,
      inDatabase: true,
      maxPayloadBytes: db.kind === 'embedded' ? MAX_EMBEDDED_PAYLOAD_BYTES : MAX_PAYLOAD_BYTES,
      concurrency: db.kind === 'embedded' ? 1 : 4,
    };
    this.space = keepTableSpace(db, form.table);
    this.bulk = {
      maxItems: BULK_ITEMS,
      maxBytes: BULK_BYTES,
      get: (refs, signal) => this.#bulkGet(refs, signal),
      put: (items, options) => this.#bulkPut(items, options),
      head: (refs, signal) => this.#bulkHead(refs, signal),
    };
  }

  locate(key: DocumentKey): string {
    const url = `${this.name}://${key.userId}/${key.bucket}/${key.archiveId}`;
    for (const part of [key.userId, key.bucket, key.archiveId, key.documentName]) {
      if (part.includes('\0') || !part.isWellFormed()) {
        throw new AppError('store.invalid-url', `${JSON.stringify(url)}: a text in PostgreSQL cannot hold this key`);
      }
    }
    return url;
  }

  recognises(url: string): boolean {
    return url.startsWith(`${this.name}://`) && url.slice(this.name.length + 3).split('/').length >= 3;
  }

  objectId(ref: ObjectRef): string {
    return JSON.stringify(this.#form.rowKeyOf(ref));
  }

  async prepare(signal?: AbortSignal): Promise<void> {
    await abortable(this.#open(), signal);
  }

  async identify(signal?: AbortSignal): Promise<StoreIdentity> {
    return abortable(identifyTable(this.#db, this.#form), signal);
  }

  async inspect(): Promise<readonly StoreCondition[]> {
    return [];
  }

  async tableSql(): Promise<TableSql> {
    return (await this.#open()).sql;
  }

  async get(ref: ObjectRef, signal?: AbortSignal): Promise<StoredObject> {
    signal?.throwIfAborted();
    const store = await this.#open();
    const object = await abortable(store.read(ref), signal);
    return { sizeBytes: object.sizeBytes, chunks: untilAborted(object.chunks, signal) };
  }

  async head(ref: ObjectRef, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    signal?.throwIfAborted();
    const [info] = await abortable((await this.#open()).describe([ref]), signal);
    return info;
  }

  async put(key: DocumentKey, payload: Payload, options: PutOptions): Promise<PutReceipt> {
    options.signal?.throwIfAborted();
    const url = this.locate(key);
    this.#refuseTooLarge(payload, url);
    const bytes = await collectBytes(payload, url, options.signal);
    const store = await this.#open();
    const [result] = await abortable(store.write([itemOf(key, url, bytes)], options.mode), options.signal);
    if (result === undefined) throw new AppError('internal', `${url}: the database gave no answer`);
    if (!result.ok) throw result.error;
    return result.value;
  }

  async delete(items: readonly DeleteItem[], signal?: AbortSignal): Promise<readonly DeleteOutcome[]> {
    signal?.throwIfAborted();
    const store = await this.#open();
    const outcomes: DeleteOutcome[] = [];
    for (let start = 0; start < items.length; start += DELETE_ROWS) {
      const slice = items.slice(start, start + DELETE_ROWS);
      const answers = await eachOrAll<DeleteItem, DeleteOutcome>(slice, signal, async (some) =>
        wrapAll(await store.delete(some)),
      );
      for (const answer of answers) {
        outcomes.push(answer.ok ? answer.value : { outcome: 'failed', error: answer.error });
      }
    }
    return outcomes;
  }

  async *list(signal?: AbortSignal): AsyncIterable<ListedObject> {
    signal?.throwIfAborted();
    const store = await this.#open();
    let last: readonly string[] | undefined;
    for (;;) {
      const page = await abortable(store.list(last, LIST_PAGE_ROWS), signal);
      for (const { rowKey, sizeBytes } of page) {
        signal?.throwIfAborted();
        const { userId, bucket, archiveId } = this.#form.documentOf(rowKey);
        yield { url: `${this.name}://${userId}/${bucket}/${archiveId}`, sizeBytes };
      }
      last = page.at(-1)?.rowKey;
      if (last === undefined || page.length < LIST_PAGE_ROWS) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The database belongs to whoever opened it.
  }

  /** The table as it is in this database, looked at once. */
  #open(): Promise<TableStore> {
    this.#store ??= this.#findTable().then(
      (table) => new TableStore(this.#db, table),
      (error: unknown) => {
        this.#store = undefined;
        throw error;
      },
    );
    return this.#store;
  }

  #refuseTooLarge(payload: Payload, url: string): void {
    const { maxPayloadBytes } = this.capabilities;
    if (payload.sizeBytes <= maxPayloadBytes) return;
    throw new AppError(
      'store.too-large',
      `${url}: expected at most ${maxPayloadBytes} bytes; got ${payload.sizeBytes}`,
    );
  }

  async #bulkGet(refs: readonly ObjectRef[], signal?: AbortSignal): Promise<readonly BulkResult<Uint8Array>[]> {
    signal?.throwIfAborted();
    const store = await this.#open();
    return abortable(
      eachOrAll(refs, signal, (some) => store.readMany(some)),
      signal,
    );
  }

  async #bulkHead(
    refs: readonly ObjectRef[],
    signal?: AbortSignal,
  ): Promise<readonly BulkResult<ObjectInfo | undefined>[]> {
    signal?.throwIfAborted();
    const store = await this.#open();
    return abortable(
      eachOrAll(refs, signal, async (some) => wrapAll(await store.describe(some))),
      signal,
    );
  }

  async #bulkPut(
    items: readonly { readonly key: DocumentKey; readonly payload: Payload & { readonly bytes: Uint8Array } }[],
    { mode, signal }: PutOptions,
  ): Promise<readonly BulkResult<PutReceipt>[]> {
    signal?.throwIfAborted();
    const store = await this.#open();
    const results = new Array<BulkResult<PutReceipt>>(items.length);
    const good: { readonly index: number; readonly item: BytesItem }[] = [];
    for (const [index, { key, payload }] of items.entries()) {
      try {
        const url = this.locate(key);
        this.#refuseTooLarge(payload, url);
        checkBytes(payload, url);
        good.push({ index, item: itemOf(key, url, payload.bytes) });
      } catch (error) {
        results[index] = { ok: false, error: toAppError(error) };
      }
    }
    const written = await abortable(
      eachOrAll(good, signal, (some) =>
        store.write(
          some.map(({ item }) => item),
          mode,
        ),
      ),
      signal,
    );
    for (const [position, { index }] of good.entries()) {
      const result = written[position];
      if (result !== undefined) results[index] = result;
    }
    return results;
  }
}

const itemOf = (key: DocumentKey, url: string, bytes: Uint8Array): BytesItem => ({
  ref: { key, url },
  bytes,
  isText: isUtf8(bytes) && !bytes.includes(0),
});
