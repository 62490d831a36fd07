import { findReferencedUrls } from '../archive/metadata-store.ts';
import {
  asDocumentError,
  encodeBytes,
  type EncodedDocument,
  IN_MEMORY_BYTES,
  measureObject,
  readDocument,
} from '../archive/payload.ts';
import { AppError, isAppError, toAppError } from '../core/errors.ts';
import type { BulkResult, ObjectRef, PutReceipt } from '../drivers/contract.ts';
import { forEachConcurrent } from './concurrency.ts';
import {
  type CopyRecord,
  type FailureRecord,
  recordCopies,
  recordFailures,
  recordIntents,
  recordLeftover,
  recordSkips,
} from './document-journal.ts';
import { destinationRef, type DocumentRecord, sourceRef } from './document-record.ts';
import { findEarlierOwnership } from './earlier-ownership.ts';
import type { Health } from './health.ts';
import { lowerToMigrate, shareFence } from './migration-store.ts';
import { dropVanishedDocuments, replanChangedDocuments } from './plan-store.ts';
import { proveObject, readBack, receiptProves, unproven } from './proof.ts';
import { describeDocument } from './describe.ts';
import type { Run } from './run.ts';

/** A document that was read, checked and encoded, and is about to be written. */
interface Prepared {
  readonly document: DocumentRecord;
  readonly ref: ObjectRef;
  readonly encoded: EncodedDocument;
  /** `create`: nothing stood there. `replace`: our own earlier copy does. `none`: the right bytes stand there already. */
  readonly write: 'create' | 'replace' | 'none';
  readonly owned: boolean;
  /** For `replace`: the digest of what stands there. */
  readonly found?: string;
  /** For `replace`: only if no row names it, which is asked for a batch at once. */
  readonly unlessNamed?: boolean;
}

/**
 * Copies documents that belong together: reads and checks all, journals the intents, writes and proves all, journals the
 * copies. Documents whose row has changed meanwhile are planned again. Throws only what ends the run (see `Health`).
 */
export class BatchCopier {
  readonly #run: Run;
  readonly #health: Health;
  readonly #fence: { readonly id: number; readonly epoch: number };

  constructor(run: Run, health: Health) {
    this.#run = run;
    this.#health = health;
    this.#fence = { id: run.record.id, epoch: run.epoch };
  }

  async copy(documents: readonly DocumentRecord[]): Promise<void> {
    const { db, faults } = this.#run;
    const readable = await this.#skipUnreadable(documents);
    const failures: FailureRecord[] = [];
    const prepared = await this.#spareNamed(await this.#prepare(readable, failures), failures);
    await recordIntents(
      db,
      this.#fence,
      prepared.map(({ document, ref, encoded, owned, found }) => ({
        seq: document.seq,
        url: ref.url,
        owned,
        digest: encoded.payload.md5,
        sizeBytes: encoded.payload.sizeBytes,
        compressed: encoded.compressed,
        sha256: encoded.sha256,
        readDigest: encoded.sourceDigest,
        foundDigest: found,
      })),
    );
    await faults.reach('copy.after-intent');
    const copies = await this.#write(prepared, failures);
    await faults.reach('copy.after-write');
    await recordCopies(db, this.#fence, this.#run.online, copies);
    await this.#recordFailures(failures);
    await faults.reach('copy.after-record');
    const bytes = prepared.reduce((sum, { encoded }) => sum + encoded.sourceSizeBytes, 0);
    this.#run.progress({ type: 'copied', documents: copies.length, bytes });
  }

  /** Lists as exceptions what the source cannot read, and what already is where it should go. */
  async #skipUnreadable(documents: readonly DocumentRecord[]): Promise<readonly DocumentRecord[]> {
    const { db, from, sharedNamespace } = this.#run;
    const skips: Parameters<typeof recordSkips>[2][number][] = [];
    const rest: DocumentRecord[] = [];
    for (const document of documents) {
      const ref = sourceRef(document);
      if (!from.driver.recognises(ref.url)) {
        skips.push({ seq: document.seq, reason: 'skipped.unreadable-url' });
      } else if (sharedNamespace && from.driver.objectId(ref) === this.#objectIdAtDestination(document)) {
        skips.push({ seq: document.seq, reason: 'skipped.already-there' });
      } else {
        rest.push(document);
      }
    }
    if (skips.length > 0) {
      await db.transaction(async (tx) => {
        await recordSkips(tx, this.#fence, skips);
        await lowerToMigrate(tx, this.#run.record.id, skips.length);
      });
    }
    return rest;
  }

  #objectIdAtDestination(document: DocumentRecord): string | undefined {
    const { driver } = this.#run.to;
    try {
      return driver.objectId({ key: document.key, url: driver.locate(document.key) });
    } catch {
      return undefined; // the key has no place there: writing it will say so
    }
  }

  async #prepare(documents: readonly DocumentRecord[], failures: FailureRecord[]): Promise<readonly Prepared[]> {
    const { from, to } = this.#run;
    const bulk = await this.#readInBulk(documents.filter((document) => !document.reuse));
    const prepared: Prepared[] = [];
    const limit = Math.min(from.driver.capabilities.concurrency, to.driver.capabilities.concurrency);
    await forEachConcurrent(documents, limit, async (document) => {
      try {
        const ready = await this.#prepareOne(document, bulk.get(document.seq));
        prepared.push(ready);
      } catch (error) {
        await this.#failed(document, toAppError(error), failures);
      }
    });
    return prepared;
  }

  /** An object of an earlier migration that a row still resolves to is not replaced (rule R1). */
  async #spareNamed(prepared: readonly Prepared[], failures: FailureRecord[]): Promise<readonly Prepared[]> {
    const urls = prepared.flatMap(({ unlessNamed, ref }) => (unlessNamed === true ? [ref.url] : []));
    // Rows with identical URLs mean the other store, which is current.
    if (urls.length === 0 || this.#run.record.identicalUrls) return prepared;
    const named = await findReferencedUrls(this.#run.db, urls);
    const spared: Prepared[] = [];
    for (const item of prepared) {
      if (item.unlessNamed === true && named.has(item.ref.url))
        await this.#failed(item.document, conflict(item.ref), failures);
      else spared.push(item);
    }
    return spared;
  }

  async #readInBulk(documents: readonly DocumentRecord[]): Promise<ReadonlyMap<number, BulkResult<Uint8Array>>> {
    const { bulk } = this.#run.from.driver;
    const results = new Map<number, BulkResult<Uint8Array>>();
    if (bulk === undefined) return results;
    const small = documents.filter((d) => d.source.sizeBytes !== null && d.source.sizeBytes <= IN_MEMORY_BYTES / 8);
    for (const slice of slices(small, bulk.maxItems, bulk.maxBytes, (d) => d.source.sizeBytes ?? 0)) {
      const answers = await bulk.get(slice.map(sourceRef), this.#run.signal);
      slice.forEach((document, index) => {
        const answer = answers[index];
        if (answer !== undefined) results.set(document.seq, answer);
      });
    }
    return results;
  }

  async #prepareOne(document: DocumentRecord, bulk: BulkResult<Uint8Array> | undefined): Promise<Prepared> {
    const { to } = this.#run;
    if (document.reuse) {
      const reused = await this.#findReusable(document);
      if (reused !== undefined) return reused;
    }
    const encoded = await this.#encode(document, bulk);
    const ref: ObjectRef = { key: document.key, url: to.driver.locate(document.key) };
    const { payload } = encoded;
    if (payload.sizeBytes > to.driver.capabilities.maxPayloadBytes) {
      throw new AppError(
        'store.too-large',
        `${ref.url}: ${payload.sizeBytes} bytes; ${to.driver.name} holds at most ${to.driver.capabilities.maxPayloadBytes}`,
      );
    }
    const known = document.destination?.url === ref.url;
    const assumeAbsent =
      !known &&
      this.#run.record.destinationWasEmpty &&
      to.driver.capabilities.conditionalPut &&
      document.attempts === 0;
    if (assumeAbsent) return { document, ref, encoded, write: 'create', owned: true };

    const there = await this.#measure(ref);
    const ours = known && document.owned;
    if (there === undefined) return { document, ref, encoded, write: 'create', owned: true };
    const earlier = ours
      ? undefined
      : await findEarlierOwnership(this.#run.db, this.#run, document.key, ref.url, there.md5);
    if (there.md5 === payload.md5 && there.sizeBytes === payload.sizeBytes) {
      return { document, ref, encoded, write: 'none', owned: ours || earlier === 'written' };
    }
    const intended = [document.destination?.digest, document.previousDigest].includes(there.md5);
    const replace = { document, ref, encoded, write: 'replace', owned: true, found: there.md5 } as const;
    if (ours && intended) return replace;
    if (earlier !== undefined) return { ...replace, unlessNamed: true };
    throw conflict(ref);
  }

  /** What stands at the destination, by its bytes; undefined where nothing does. */
  async #measure(ref: ObjectRef): Promise<{ readonly md5: string; readonly sizeBytes: number } | undefined> {
    const { driver } = this.#run.to;
    const info = await driver.head(ref, this.#run.signal);
    if (info === undefined) return undefined;
    if (info.md5 !== undefined && !this.#run.readBack) return { md5: info.md5, sizeBytes: info.sizeBytes };
    try {
      return await measureObject(driver, ref, false, this.#run.signal);
    } catch (error) {
      if (isAppError(error, 'store.not-found')) return undefined;
      throw error;
    }
  }

  /** For a rollback: the object that the archive had before, if it still holds what it held. */
  async #findReusable(document: DocumentRecord): Promise<Prepared | undefined> {
    const { to, signal } = this.#run;
    const { destination, sha256 } = document;
    if (destination === undefined || sha256 === null) return undefined;
    const ref = destinationRef(document);
    try {
      const compressed = destination.compressed === true;
      const seen = await measureObject(to.driver, ref, compressed, signal);
      const sameDigest = destination.digest === null || destination.digest === seen.md5;
      if (seen.sha256 !== sha256 || !sameDigest) return undefined;
      const payload = {
        sizeBytes: seen.sizeBytes,
        md5: seen.md5,
        open: async function* (): AsyncGenerator<Uint8Array> {
          yield* (await to.driver.get(ref, signal)).chunks;
        },
      };
      const encoded = {
        payload,
        compressed,
        sha256,
        sourceDigest: document.source.digest ?? seen.md5,
        sourceSizeBytes: seen.sizeBytes,
      };
      return { document, ref, encoded, write: 'none', owned: false };
    } catch (error) {
      if (isAppError(error, 'store.not-found', 'document.undecodable')) return undefined;
      throw error;
    }
  }

  async #encode(document: DocumentRecord, bulk: BulkResult<Uint8Array> | undefined): Promise<EncodedDocument> {
    const { from, to, signal } = this.#run;
    const ref = sourceRef(document);
    const compression = to.driver.capabilities.compression;
    if (bulk !== undefined) {
      if (!bulk.ok) throw asDocumentError(bulk.error, ref);
      const encoded = await encodeBytes(bulk.value, document.source, ref, to.codec, compression);
      if (encoded !== undefined) return encoded;
    }
    return readDocument(from.driver, ref, document.source, to.codec, compression, signal);
  }

  async #write(prepared: readonly Prepared[], failures: FailureRecord[]): Promise<readonly CopyRecord[]> {
    const { to } = this.#run;
    const copies: CopyRecord[] = [];
    const receipts = await this.#writeInBulk(prepared);
    await forEachConcurrent(prepared, to.driver.capabilities.concurrency, async (item) => {
      try {
        copies.push(await this.#writeOne(item, receipts.get(item)));
        this.#health.succeeded();
      } catch (error) {
        await this.#failed(item.document, toAppError(error), failures);
      }
    });
    return copies;
  }

  async #writeInBulk(prepared: readonly Prepared[]): Promise<ReadonlyMap<Prepared, BulkResult<PutReceipt>>> {
    const { bulk } = this.#run.to.driver;
    const receipts = new Map<Prepared, BulkResult<PutReceipt>>();
    if (bulk === undefined) return receipts;
    for (const mode of ['create', 'replace'] as const) {
      const items = prepared.flatMap((item) => {
        const { payload } = item.encoded;
        const { bytes } = payload;
        const fits = bytes !== undefined && bytes.length <= bulk.maxBytes;
        return item.write === mode && fits ? [{ item, key: item.document.key, payload: { ...payload, bytes } }] : [];
      });
      for (const slice of slices(items, bulk.maxItems, bulk.maxBytes, ({ payload }) => payload.sizeBytes)) {
        const answers = await bulk.put(slice, { mode, signal: this.#run.signal });
        slice.forEach(({ item }, index) => {
          const answer = answers[index];
          if (answer !== undefined) receipts.set(item, answer);
        });
      }
    }
    return receipts;
  }

  async #writeOne(item: Prepared, bulk: BulkResult<PutReceipt> | undefined): Promise<CopyRecord> {
    const { to, signal, readBack: forced } = this.#run;
    const { document, ref, encoded } = item;
    const expected = { md5: encoded.payload.md5, sizeBytes: encoded.payload.sizeBytes };
    const { seq } = document;
    if (item.write === 'none') return { seq, owned: item.owned, proveAgain: this.#mayLandLate(item) };
    let receipt: PutReceipt;
    try {
      if (bulk !== undefined && !bulk.ok) throw bulk.error;
      receipt = bulk?.value ?? (await to.driver.put(document.key, encoded.payload, { mode: item.write, signal }));
    } catch (error) {
      if (!isAppError(error, 'store.exists')) throw error;
      // Somebody was faster, or an acknowledgement of ours was lost: only its bytes can tell.
      if ((await readBack(to.driver, ref, expected, signal)) !== 'proved') throw conflict(ref);
      return { seq, owned: error.outcomeUnknown, proveAgain: this.#mayLandLate(item) };
    }
    if (forced || !receiptProves(receipt, expected)) {
      const finding = await proveObject(to.driver, ref, expected, forced, signal);
      if (finding !== 'proved') {
        const left = await this.#measure(ref);
        if (left !== undefined) await recordLeftover(this.#run.db, this.#fence, seq, left.md5);
        throw unproven(ref, finding);
      }
    }
    return { seq, owned: item.owned, proveAgain: this.#mayLandLate(item, receipt.attempts) };
  }

  /** Whether an earlier write of this key, whose outcome is unknown, could still replace this one (rule R9). */
  #mayLandLate(item: Prepared, tries = 1): boolean {
    const { capabilities, name } = this.#run.to.driver;
    if (capabilities.inDatabase || name === 'localfs') return false;
    const earlier = item.document.attempts > 0 || tries > 1;
    return earlier && (item.write === 'replace' || !capabilities.conditionalPut);
  }

  /** A document whose row has changed or gone since it was planned is planned again or dropped; else it has failed. */
  async #failed(document: DocumentRecord, error: AppError, failures: FailureRecord[]): Promise<void> {
    this.#run.signal.throwIfAborted();
    this.#health.failed(error);
    if (!isAppError(error, 'document.unproven', 'document.conflict') && (await this.#isPlannedAnew(document))) return;
    failures.push({ seq: document.seq, code: error.code, text: error.message });
    this.#run.progress({ type: 'failed', document: describeDocument(document), code: error.code, text: error.message });
  }

  async #isPlannedAnew(document: DocumentRecord): Promise<boolean> {
    const { db, record } = this.#run;
    return db.transaction(async (tx) => {
      await shareFence(tx, this.#fence);
      const changed = await replanChangedDocuments(tx, record.id, record.scope, document.seq);
      const vanished = await dropVanishedDocuments(tx, record.id, document.seq);
      await lowerToMigrate(tx, record.id, vanished);
      return changed + vanished > 0;
    });
  }

  async #recordFailures(failures: readonly FailureRecord[]): Promise<void> {
    await recordFailures(this.#run.db, this.#fence, failures);
  }
}

const conflict = (ref: ObjectRef): AppError =>
  new AppError('document.conflict', `${ref.url}: another object already stands there`);

/** Runs of items within a number and a sum of bytes; a single larger item stands alone. */
export const slices = <T>(
  items: readonly T[],
  maxItems: number,
  maxBytes: number,
  sizeOf: (item: T) => number,
): readonly (readonly T[])[] => {
  const result: T[][] = [];
  let current: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (current.length > 0 && (current.length >= maxItems || bytes + size > maxBytes)) {
      result.push(current);
      current = [];
      bytes = 0;
    }
    current.push(item);
    bytes += size;
  }
  if (current.length > 0) result.push(current);
  return result;
};
