import { findReferencedUrls } from '../archive/metadata-store.ts';
import { IN_MEMORY_BYTES } from '../archive/payload.ts';
import { type AppError, isAppError, toAppError } from '../core/errors.ts';
import type { BulkResult, ObjectInfo, ObjectRef } from '../drivers/contract.ts';
import { forEachConcurrent } from './concurrency.ts';
import { describeDocument } from './describe.ts';
import {
  type CopyRecord,
  type FailureRecord,
  recordCopies,
  recordFailures,
  recordIntents,
  recordSkips,
} from './document-journal.ts';
import { type DocumentRecord, sourceRef } from './document-record.ts';
import type { Health } from './health.ts';
import { type Fence, lowerToMigrate, shareFence, updateCounts } from './migration-store.ts';
import { dropVanishedDocuments, replanChangedDocuments } from './plan-store.ts';
import { prepareDocument } from './prepare-document.ts';
import { conflict, type Prepared } from './prepared.ts';
import { proveObject } from './proof.ts';
import { fenceOf, type Run } from './run.ts';
import { slices } from './slices.ts';
import { writeDocument, writeInBulk } from './write-document.ts';

/**
 * Copies documents that belong together: reads and checks all, journals the intents, writes and proves all, journals the
 * copies. Documents whose row has changed meanwhile are planned again. Throws only what ends the run (see `Health`).
 */
export class BatchCopier {
  readonly #run: Run;
  readonly #health: Health;
  readonly #fence: Fence;

  constructor(run: Run, health: Health) {
    this.#run = run;
    this.#health = health;
    this.#fence = fenceOf(run);
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
    const { db, from } = this.#run;
    const skips: Parameters<typeof recordSkips>[2][number][] = [];
    const rest: DocumentRecord[] = [];
    for (const document of documents) {
      const ref = sourceRef(document);
      if (!from.driver.recognises(ref.url)) {
        skips.push({ seq: document.seq, reason: 'skipped.unreadable-url' });
      } else if (await this.#isThereAlready(document, ref)) {
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

  /**
   * Whether the row already names the object at the destination: by its place, where equal URLs mean equal objects; else, as
   * for two endpoints, only if the destination has there what the row says.
   */
  async #isThereAlready(document: DocumentRecord, ref: ObjectRef): Promise<boolean> {
    const { from, to, record, sharedNamespace, signal } = this.#run;
    if (sharedNamespace) return from.driver.objectId(ref) === this.#objectIdAtDestination(document);
    const { digest } = document.source;
    const elsewhere = record.identicalUrls || digest === null || !to.driver.recognises(ref.url);
    if (elsewhere || to.driver.objectId(ref) !== this.#objectIdAtDestination(document)) return false;
    const sizeBytes = document.source.sizeBytes ?? (await to.driver.head(ref, signal))?.sizeBytes ?? -1;
    return (await proveObject(to.driver, ref, { md5: digest, sizeBytes }, false, signal)) === 'proved';
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
    const payloads = await this.#readInBulk(documents.filter((document) => !document.reuse));
    const heads = await this.#headInBulk(documents);
    const prepared: Prepared[] = [];
    const limit = Math.min(from.driver.capabilities.concurrency, to.driver.capabilities.concurrency);
    await forEachConcurrent(documents, limit, async (document) => {
      try {
        const ready = await prepareDocument(this.#run, document, {
          bytes: payloads.get(document.seq),
          head: heads.get(document.seq),
        });
        prepared.push(ready);
      } catch (error) {
        await this.#failed(document, toAppError(error), failures);
      }
    });
    return prepared;
  }

  /** Only where something may stand there; a key that has no place is left to fail alone. */
  async #headInBulk(
    documents: readonly DocumentRecord[],
  ): Promise<ReadonlyMap<number, BulkResult<ObjectInfo | undefined>>> {
    const { to, record, signal } = this.#run;
    const { bulk } = to.driver;
    const heads = new Map<number, BulkResult<ObjectInfo | undefined>>();
    if (bulk === undefined || record.destinationWasEmpty) return heads;
    const placed = documents.filter((document) => this.#objectIdAtDestination(document) !== undefined);
    for (const slice of slices(placed, bulk.maxItems, Number.POSITIVE_INFINITY, () => 0)) {
      const refs = slice.map(({ key }) => ({ key, url: to.driver.locate(key) }));
      const answers = await bulk.head(refs, signal);
      slice.forEach((document, index) => {
        const answer = answers[index];
        if (answer !== undefined) heads.set(document.seq, answer);
      });
    }
    return heads;
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

  async #write(prepared: readonly Prepared[], failures: FailureRecord[]): Promise<readonly CopyRecord[]> {
    const { to } = this.#run;
    const copies: CopyRecord[] = [];
    const receipts = await writeInBulk(this.#run, prepared);
    await forEachConcurrent(prepared, to.driver.capabilities.concurrency, async (item) => {
      try {
        copies.push(await writeDocument(this.#run, item, receipts.get(item)));
        this.#health.succeeded();
      } catch (error) {
        await this.#failed(item.document, toAppError(error), failures);
      }
    });
    return copies;
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
      if (changed + vanished > 0) await updateCounts(tx, record.id);
      return changed + vanished > 0;
    });
  }

  async #recordFailures(failures: readonly FailureRecord[]): Promise<void> {
    await recordFailures(this.#run.db, this.#fence, failures);
  }
}
