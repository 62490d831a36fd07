import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { compresses } from '../../archive/codec.ts';
import { findMetadata, listOwnMetadata, type MetadataRow, type OwnDocuments } from '../../archive/metadata-store.ts';
import type { Store } from '../../archive/store.ts';
import { AppError, messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Database } from '../../database/database.ts';
import type { DocumentKey, Payload } from '../../drivers/contract.ts';
import type { ArchiveScope } from '../../migration/scope.ts';
import type { ContentSource } from './content-source.ts';
import type { DocumentArchive, OpenDocument } from './document-archive.ts';
import type { DocumentMemory } from './document-memory.ts';
import { IntentRecovery } from './intent-recovery.ts';
import { abandonIntent, beginIntent, completeWrite, endIntent, findIntent, type Intent } from './intent-store.ts';
import { KeyMutex } from './key-mutex.ts';
import { type Owner, OwnerLock } from './owner.ts';
import { readDocument } from './read-document.ts';

/** Between two tries to be the one writer of a document, among several services. */
const BUSY_PAUSE_MS = 50;
/** How long a writer waits for another service's write of the same document. */
const BUSY_LIMIT_MS = 30_000;

export interface ExternalArchiveOptions {
  readonly log: Log;
  readonly memory: DocumentMemory;
  /** How long after its service's end a write may still land in the store; in milliseconds. */
  readonly quietMs: number;
  /** Whose documents these are: another store has its own. */
  readonly scope: ArchiveScope;
}

const textOf = (key: DocumentKey): string => JSON.stringify([key.userId, key.bucket, key.archiveId, key.documentName]);

/** Payloads outside of the database: what is about to happen to one is recorded there before. */
export class ExternalArchive implements DocumentArchive {
  readonly #db: Database;
  readonly #store: Store;
  readonly #log: Log;
  readonly #memory: DocumentMemory;
  readonly #quietMs: number;
  readonly #owners: OwnerLock;
  readonly #recovery: IntentRecovery;
  readonly #mutex = new KeyMutex();

  constructor(db: Database, store: Store, options: ExternalArchiveOptions) {
    this.#db = db;
    this.#store = store;
    this.#log = options.log;
    this.#memory = options.memory;
    this.#quietMs = options.quietMs;
    this.#owners = new OwnerLock(db);
    this.#recovery = new IntentRecovery(db, store.driver, this.#owners, options);
  }

  async put(key: DocumentKey, content: ContentSource, signal: AbortSignal): Promise<void> {
    const { driver } = this.#store;
    const url = driver.locate(key);
    using _ = await this.#mutex.acquire(textOf(key));
    const token = randomUUID();
    using __ = this.#recovery.hold(token);
    const { intent, owner, payload } = await this.#begin(key, signal, async (row, by) => {
      const inPlace = row !== undefined && row.contentUrl === url;
      const compressed = inPlace
        ? row.compressed === true
        : compresses(this.#store.codec, driver.capabilities.compression, content.sizeBytes);
      const encoded = await content.encode(compressed);
      const kind = row === undefined ? 'create' : inPlace ? 'replace' : 'move';
      const planned = intentOf({ key, token, owner: by, kind, url, row, payload: encoded, compressed });
      return { intent: planned, payload: encoded };
    });
    try {
      const receipt = await driver.put(key, payload, {
        mode: 'replace',
        signal: AbortSignal.any([signal, owner.lost]),
      });
      // An earlier try may land yet (rule R9): not after the bytes of the next writer.
      if ((receipt.attempts ?? 1) > 1) await sleep(this.#quietMs);
      if (await completeWrite(this.#db, intent)) return;
    } catch (error) {
      // It may still have been written, or be written yet.
      await this.#abandon(intent);
      throw error;
    }
    throw new AppError('service.unavailable', `another service has ended the write of ${url}: its outcome is unknown`);
  }

  open(key: DocumentKey, signal: AbortSignal): Promise<OpenDocument | undefined> {
    const findCandidates = async (row: MetadataRow): Promise<readonly string[] | undefined> => {
      const intent = await findIntent(this.#db, row.key);
      if (intent === undefined || intent.oldDigest === null) return undefined;
      return [intent.oldDigest, intent.newDigest ?? intent.oldDigest];
    };
    const from = { db: this.#db, driver: this.#store.driver, memory: this.#memory };
    return readDocument(from, key, findCandidates, signal);
  }

  async delete(key: DocumentKey, signal: AbortSignal): Promise<boolean> {
    using _ = await this.#mutex.acquire(textOf(key));
    const token = randomUUID();
    using __ = this.#recovery.hold(token);
    const begun = await this.#begin(key, signal, async (row, owner) => {
      if (row === undefined) return undefined;
      return { intent: intentOf({ key, token, owner, kind: 'delete', url: row.contentUrl ?? '', row }) };
    });
    if (begun === undefined) return false;
    try {
      await this.#recovery.deleteBytes(begun.intent, signal);
      await endIntent(this.#db, begun.intent);
    } catch (error) {
      // The document is gone; its bytes will follow.
      this.#log.warn(`the bytes ${begun.intent.url} of a deleted document are still there: ${messageOf(error)}`);
      await this.#abandon(begun.intent);
    }
    return true;
  }

  list(which: OwnDocuments): Promise<readonly MetadataRow[]> {
    return listOwnMetadata(this.#db, which);
  }

  recover(signal: AbortSignal): Promise<number> {
    return this.#recovery.run(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owners[Symbol.asyncDispose]();
  }

  async #abandon(intent: Intent): Promise<void> {
    try {
      await abandonIntent(this.#db, intent);
      this.#recovery.expect(intent);
    } catch (error) {
      // Then it is found when the owner's lock is free.
      this.#log.warn(`an intent for ${intent.url} stays behind: ${messageOf(error)}`);
    }
  }

  /** Plans against the row as it is, and records the intent; again where the row changed meanwhile. */
  async #begin<Plan extends { readonly intent: Intent } | undefined>(
    key: DocumentKey,
    signal: AbortSignal,
    plan: (row: MetadataRow | undefined, owner: Owner) => Promise<Plan>,
  ): Promise<Plan extends undefined ? undefined : Plan & { readonly owner: Owner }> {
    type Result = Plan extends undefined ? undefined : Plan & { readonly owner: Owner };
    const deadline = performance.now() + BUSY_LIMIT_MS;
    for (;;) {
      signal.throwIfAborted();
      const owner = await this.#owners.get();
      const row = await findMetadata(this.#db, key);
      const planned = await plan(row, owner);
      if (planned === undefined) return undefined as Result;
      const outcome = await beginIntent(this.#db, planned.intent, row);
      if (outcome === 'begun') return { ...planned, owner } as unknown as Result;
      if (performance.now() > deadline)
        throw new AppError('service.unavailable', `another service has written ${planned.intent.url} for too long`);
      if (outcome === 'busy') {
        await this.#recovery.run(signal);
        await sleep(BUSY_PAUSE_MS, undefined, { signal });
      }
    }
  }
}

interface PlannedIntent {
  readonly key: DocumentKey;
  readonly token: string;
  readonly owner: Owner;
  readonly kind: Intent['kind'];
  readonly url: string;
  readonly row: MetadataRow | undefined;
  readonly payload?: Payload;
  readonly compressed?: boolean;
}

const intentOf = ({ key, token, owner, kind, url, row, payload, compressed }: PlannedIntent): Intent => ({
  key,
  token,
  owner: owner.id,
  kind,
  url,
  newDigest: payload?.md5 ?? null,
  newSizeBytes: payload?.sizeBytes ?? null,
  compressed: compressed ?? null,
  oldDigest: row?.digest ?? null,
  oldSizeBytes: row?.sizeBytes ?? null,
});
