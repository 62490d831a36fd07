import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decompress, decompressStream, md5Of, readAll } from '../../archive/codec.ts';
import { findMetadata, type MetadataRow } from '../../archive/metadata-store.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import type { DocumentKey, Driver } from '../../drivers/contract.ts';
import type { OpenDocument } from './document-archive.ts';
import type { DocumentMemory } from './document-memory.ts';

/** Payloads up to this size are checked before the first byte is sent; in bytes. */
const CHECKED_FIRST_BYTES = 8 * 1024 * 1024;
/** A row and its bytes are two looks: a write between them shows as a mismatch, and is gone at the next look. */
const SETTLED_LOOKS = 4;
/** How long a row that keeps changing is looked at; in milliseconds. */
const LOOKING_MS = 10_000;
const PAUSE_MS = 40;
/** So many parts at most, and so often each of them in memory: as bytes, as a text, and as what came from the network. */
const DATABASE_PARTS = 16;
const DATABASE_COPIES = 4;

/** The digests that the bytes may have where the row does not say; undefined where that is not known either. */
export type FindCandidates = (row: MetadataRow) => Promise<readonly string[] | undefined>;

const oneChunk = async function* (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
};

type Content = Pick<OpenDocument, 'sizeBytes' | 'chunks'>;

const inMemory = (bytes: Uint8Array): Content => ({ sizeBytes: bytes.length, chunks: oneChunk(bytes) });

/**
 * What a document of this size takes while it is read: small ones are held whole. A database sends larger ones in parts, as
 * texts of twice their length, and of very large ones each part is larger too.
 */
const readingBytes = (driver: Driver, row: MetadataRow): number => {
  const sizeBytes = row.sizeBytes ?? CHECKED_FIRST_BYTES;
  const held = Math.min(sizeBytes, CHECKED_FIRST_BYTES);
  return driver.capabilities.inDatabase ? Math.max(held, sizeBytes / DATABASE_PARTS) * DATABASE_COPIES : held;
};

/** Passes chunks on, and throws at their end where they were not what they should have been. */
const checked = async function* (
  chunks: AsyncIterable<Uint8Array>,
  digests: readonly string[] | undefined,
  url: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('md5');
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  if (digests !== undefined && !digests.includes(hash.digest('hex'))) throw corrupt(url);
};

const corrupt = (url: string): AppError =>
  new AppError('document.corrupt', `${url}: the bytes do not match the digest of the row`);

const sameState = (one: MetadataRow, other: MetadataRow): boolean =>
  one.contentUrl === other.contentUrl && one.digest === other.digest && one.lastUpdated === other.lastUpdated;

const look = async (
  driver: Driver,
  row: MetadataRow,
  url: string,
  findCandidates: FindCandidates,
  signal: AbortSignal,
): Promise<Content> => {
  const digests = row.digest === null ? await findCandidates(row) : [row.digest];
  const object = await driver.get({ key: row.key, url }, signal);
  const compressed = row.compressed === true;
  if ((object.sizeBytes ?? row.sizeBytes ?? Number.MAX_SAFE_INTEGER) > CHECKED_FIRST_BYTES) {
    const raw = checked(object.chunks, digests, url);
    return compressed
      ? { sizeBytes: undefined, chunks: decompressStream(raw) }
      : { sizeBytes: object.sizeBytes, chunks: raw };
  }
  const payload = await readAll(object.chunks, CHECKED_FIRST_BYTES);
  if (payload === undefined) throw new AppError('document.wrong-size', `${url}: more bytes than were announced`);
  if (digests !== undefined && !digests.includes(md5Of(payload))) throw corrupt(url);
  if (!compressed) return inMemory(payload);
  const content = await decompress(payload);
  return content === undefined
    ? { sizeBytes: undefined, chunks: decompressStream(oneChunk(payload)) }
    : inMemory(content);
};

/** Opens a document for reading; see `DocumentArchive.open`. */
export const readDocument = async (
  { db, driver, memory }: { readonly db: Database; readonly driver: Driver; readonly memory: DocumentMemory },
  key: DocumentKey,
  findCandidates: FindCandidates,
  signal: AbortSignal,
): Promise<OpenDocument | undefined> => {
  let before: MetadataRow | undefined;
  let quietLooks = 0;
  const deadline = Date.now() + LOOKING_MS;
  for (;;) {
    const row = await findMetadata(db, key);
    if (row === undefined) return undefined;
    const url = row.contentUrl;
    if (url === null) throw new AppError('document.missing', `${key.bucket}/${key.archiveId} has no content URL`);
    if (!driver.recognises(url))
      throw new AppError('document.missing', `${url} lies in a store that this configuration cannot read`);
    using held = new DisposableStack();
    held.use(await memory.take(readingBytes(driver, row), signal));
    try {
      const content = await look(driver, row, url, findCandidates, signal);
      const share = held.move();
      return { ...content, [Symbol.dispose]: () => share.dispose() };
    } catch (error) {
      if (!isAppError(error, 'document.corrupt', 'document.undecodable', 'store.not-found', 'store.corrupt'))
        throw error;
      // Under many writers a row may look the same twice with other rows in between: only a quiet one is settled.
      quietLooks = before !== undefined && sameState(before, row) && row.digest !== null ? quietLooks + 1 : 0;
      if (quietLooks >= SETTLED_LOOKS || Date.now() > deadline) {
        if (!isAppError(error, 'store.not-found')) throw error;
        throw new AppError('document.missing', `${url}: the store does not have it`, { cause: error });
      }
      before = row;
      await sleep(PAUSE_MS, undefined, { signal });
    }
  }
};
