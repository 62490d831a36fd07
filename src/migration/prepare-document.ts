import { compresses } from '../archive/codec.ts';
import { asDocumentError, encodeBytes, type EncodedDocument, measureObject, readDocument } from '../archive/payload.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { BulkResult, ObjectInfo, ObjectRef } from '../drivers/contract.ts';
import { destinationRef, type DocumentRecord, sourceRef } from './document-record.ts';
import { findEarlierOwnership } from './earlier-ownership.ts';
import { conflict, type Outgoing, type Prepared } from './prepared.ts';
import type { Run } from './run.ts';

/** What was found out for a whole batch at once, where the stores can. */
export interface Hints {
  /** The payload at the source. */
  readonly bytes: BulkResult<Uint8Array> | undefined;
  /** What stands at the destination. */
  readonly head: BulkResult<ObjectInfo | undefined> | undefined;
}

/**
 * Reads a document, checks it against its row, encodes it for the destination, and looks at what stands there (rule R10).
 * Throws `document.*` where it must not be copied, and `document.conflict` where something foreign is in its place.
 */
export const prepareDocument = async (
  run: Run,
  document: DocumentRecord,
  { bytes: bulk, head }: Hints,
): Promise<Prepared> => {
  const { to } = run;
  if (document.reuse) {
    const reused = await findReusable(run, document);
    if (reused !== undefined) return reused;
  }
  const unread = bulk === undefined ? planCopyWithin(run, document) : undefined;
  const within = unread !== undefined;
  const encoded = unread ?? (await encodeDocument(run, document, bulk));
  const ref: ObjectRef = { key: document.key, url: to.driver.locate(document.key) };
  const { payload } = encoded;
  if (payload.sizeBytes > to.driver.capabilities.maxPayloadBytes) {
    throw new AppError(
      'store.too-large',
      `${ref.url}: ${payload.sizeBytes} bytes; ${to.driver.name} holds at most ${to.driver.capabilities.maxPayloadBytes}`,
    );
  }
  // The store is the one that the journal knows, so a copy of ours is in its place there, however its folder is spelt by now.
  const isOfThisStore = document.destination !== undefined && run.record.rollsBack === undefined;
  const known = isOfThisStore || document.destination?.url === ref.url;
  // A copy within the store is not conditional: there, what stands in its place has to be looked for.
  const assumeAbsent = !within && !known && run.record.destinationWasEmpty && document.attempts === 0;
  if (assumeAbsent) return { document, ref, encoded, within, write: 'create', owned: true };

  const there = await measureDestination(run, ref, head);
  const ours = known && document.owned;
  if (there === undefined) return { document, ref, encoded, within, write: 'create', owned: true };
  const isSame = there.md5 === payload.md5 && there.sizeBytes === payload.sizeBytes;
  if (isSame && ours) return { document, ref, encoded, within, write: 'none', owned: true };
  const intended = [document.destination?.digest, document.previousDigest].includes(there.md5);
  const replace = { document, ref, encoded, within, write: 'replace', owned: true, found: there.md5 } as const;
  if (ours && intended) return replace;
  const earlier = await findEarlierOwnership(run.db, run, document.key, ref.url, there.md5);
  if (isSame) {
    // A row may name the destination's own object by another name; then only what this migration wrote is not the source's.
    const isElsewhere = document.source.url !== run.from.driver.locate(document.key);
    return { document, ref, encoded, within, write: 'none', owned: earlier === 'written' && !isElsewhere };
  }
  if (earlier !== undefined) return { ...replace, unlessNamed: true };
  throw conflict(ref);
};

/** What stands at the destination, by its bytes; undefined where nothing does. */
export const measureDestination = async (
  run: Run,
  ref: ObjectRef,
  head?: BulkResult<ObjectInfo | undefined>,
): Promise<{ readonly md5: string; readonly sizeBytes: number } | undefined> => {
  const { driver } = run.to;
  const info = head?.ok === true ? head.value : await driver.head(ref, run.signal);
  if (info === undefined) return undefined;
  if (info.md5 !== undefined && !run.readBack) return { md5: info.md5, sizeBytes: info.sizeBytes };
  try {
    return await measureObject(driver, ref, false, run.signal);
  } catch (error) {
    if (isAppError(error, 'store.not-found')) return undefined;
    throw error;
  }
};

/** For a rollback: the object that the archive had before, if it still holds what it held. */
const findReusable = async (run: Run, document: DocumentRecord): Promise<Prepared | undefined> => {
  const { to, signal } = run;
  const { destination, sha256 } = document;
  if (destination === undefined || (sha256 === null && destination.digest === null)) return undefined;
  const ref = destinationRef(document);
  try {
    const compressed = destination.compressed === true;
    const seen = await measureObject(to.driver, ref, compressed, signal);
    const sameDigest = destination.digest === null || destination.digest === seen.md5;
    if ((sha256 !== null && seen.sha256 !== sha256) || !sameDigest) return undefined;
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
      sha256: seen.sha256,
      sourceDigest: document.source.digest ?? seen.md5,
      sourceSizeBytes: seen.sizeBytes,
    };
    return { document, ref, encoded, within: false, write: 'none', owned: false };
  } catch (error) {
    if (isAppError(error, 'store.not-found', 'document.undecodable')) return undefined;
    throw error;
  }
};

/**
 * What a copy within the store will write, where it can: same namespace, a row that knows its digest, and a codec under
 * which the payload stays as it is. The store itself checks the digest of what it copies.
 */
const planCopyWithin = (run: Run, document: DocumentRecord): Outgoing | undefined => {
  const { from, to, sharedNamespace, signal, readBack: forced } = run;
  const { digest, sizeBytes } = document.source;
  const isPossible = sharedNamespace && from.driver.name === to.driver.name && to.driver.copyWithin !== undefined;
  if (!isPossible || forced || digest === null || sizeBytes === null) return undefined;
  const compressed = document.source.compressed === true;
  const stays = compressed
    ? to.codec.enabled && to.codec.minSizeKbytes <= from.codec.minSizeKbytes
    : !compresses(to.codec, to.driver.capabilities.compression, sizeBytes);
  if (!stays) return undefined;
  const open = async function* (inner?: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* (await from.driver.get(sourceRef(document), inner ?? signal)).chunks;
  };
  const payload = { sizeBytes, md5: digest, open };
  return { payload, compressed, sha256: undefined, sourceDigest: digest, sourceSizeBytes: sizeBytes };
};

export const encodeDocument = async (
  run: Run,
  document: DocumentRecord,
  bulk: BulkResult<Uint8Array> | undefined,
): Promise<EncodedDocument> => {
  const { from, to, signal } = run;
  const ref = sourceRef(document);
  const compression = to.driver.capabilities.compression;
  if (bulk !== undefined) {
    if (!bulk.ok) throw asDocumentError(bulk.error, ref);
    const encoded = await encodeBytes(bulk.value, document.source, ref, to.codec, compression);
    if (encoded !== undefined) return encoded;
  }
  return readDocument(from.driver, ref, document.source, to.codec, compression, signal);
};
