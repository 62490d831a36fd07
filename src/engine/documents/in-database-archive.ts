import { compresses } from '../../archive/codec.ts';
import {
  deleteMetadata,
  findMetadata,
  listOwnMetadata,
  type MetadataRow,
  type OwnDocuments,
  putMetadata,
} from '../../archive/metadata-store.ts';
import type { Store } from '../../archive/store.ts';
import { AppError } from '../../core/errors.ts';
import type { Database, Queryable } from '../../database/database.ts';
import type { DocumentKey, Driver } from '../../drivers/contract.ts';
import type { ContentSource } from './content-source.ts';
import type { DocumentArchive, OpenDocument } from './document-archive.ts';
import type { DocumentMemory } from './document-memory.ts';
import { readDocument } from './read-document.ts';

/** Opens the same driver over a transaction: what it writes is committed with the row, or not at all. */
export type OpenDriverIn = (db: Database) => Promise<Driver>;

/** How often a payload is in memory while it is stored: as bytes, and as what goes to the server. Measured: 1.8 times. */
const COPIES = 2;
/** The embedded database lives in this process. */
const EMBEDDED_COPIES = 20;

/** A transaction where a database is asked for. */
const databaseOf = (db: Database, tx: Queryable): Database => ({
  kind: db.kind,
  description: db.description,
  schema: db.schema,
  query: (text, values) => tx.query(text, values),
  transaction: (work) => work(tx),
  openSession: () => Promise.reject(new AppError('internal', 'a transaction has no sessions')),
  sync: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
});

/** Payloads beside their rows in one database: both change in one transaction. */
export class InDatabaseArchive implements DocumentArchive {
  readonly #db: Database;
  readonly #store: Store;
  readonly #memory: DocumentMemory;
  readonly #openDriverIn: OpenDriverIn;

  constructor(db: Database, store: Store, memory: DocumentMemory, openDriverIn: OpenDriverIn) {
    this.#db = db;
    this.#store = store;
    this.#memory = memory;
    this.#openDriverIn = openDriverIn;
  }

  async put(key: DocumentKey, content: ContentSource, signal: AbortSignal): Promise<void> {
    const { codec, driver } = this.#store;
    const compressed = compresses(codec, driver.capabilities.compression, content.sizeBytes);
    const payload = await content.encode(compressed);
    using _ = await this.#takeMemory(key, payload.sizeBytes, signal);
    signal.throwIfAborted();
    await this.#db.transaction(async (tx) => {
      // Always the payload before the row, so that two writers of one document wait for each other at the same place.
      await using inside = await this.#openDriverIn(databaseOf(this.#db, tx));
      const { url } = await inside.put(key, payload, { mode: 'replace', signal });
      await putMetadata(tx, key, { contentUrl: url, compressed, digest: payload.md5, sizeBytes: payload.sizeBytes });
    });
  }

  open(key: DocumentKey, signal: AbortSignal): Promise<OpenDocument | undefined> {
    const from = { db: this.#db, driver: this.#store.driver, memory: this.#memory };
    return readDocument(from, key, async () => undefined, signal);
  }

  async delete(key: DocumentKey, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    return this.#db.transaction(async (tx) => {
      const row = await findMetadata(tx, key);
      if (row === undefined) return false;
      await using inside = await this.#openDriverIn(databaseOf(this.#db, tx));
      if (row.contentUrl !== null && inside.recognises(row.contentUrl)) {
        const [result] = await inside.delete([{ ref: { key, url: row.contentUrl }, md5: undefined }], signal);
        if (result?.outcome === 'failed') throw result.error;
      }
      return deleteMetadata(tx, key);
    });
  }

  list(which: OwnDocuments): Promise<readonly MetadataRow[]> {
    return listOwnMetadata(this.#db, which);
  }

  /** Before a connection is taken: who waits for memory keeps nobody else from the database. */
  #takeMemory(key: DocumentKey, payloadBytes: number, signal: AbortSignal): Promise<Disposable> {
    const copies = this.#db.kind === 'embedded' ? EMBEDDED_COPIES : COPIES;
    const largestBytes = Math.floor(this.#memory.largestShareBytes / copies);
    if (payloadBytes > largestBytes)
      throw new AppError(
        'request.too-large',
        `${key.bucket}/${key.archiveId}: the driver ${this.#store.driver.name} holds a document in memory while it stores it, ` +
          `and here has room for ${largestBytes} bytes; got ${payloadBytes}`,
        {
          remedy:
            'Raise services.catalog.document_memory_bytes, or keep documents in a store that takes them as they come: localfs, s3, swift.',
        },
      );
    return this.#memory.take(payloadBytes * copies, signal);
  }

  async recover(): Promise<number> {
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The database and the driver belong to whoever opened them.
  }
}
