import { AppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import type { DocumentKey } from '../drivers/contract.ts';
import { compress, compresses, decompress, md5Of, readAll } from './codec.ts';
import { deleteMetadata, findMetadata, putMetadata } from './metadata-store.ts';
import { payloadOf } from './payload.ts';
import type { Store } from './store.ts';

/** The largest content that `getDocument` returns in memory; in bytes. */
const MAX_CONTENT_BYTES = 512 * 1024 * 1024;

/** Stores a document: first its payload, then its row, so that a row never points to nothing. */
export const putDocument = async (
  db: Database,
  store: Store,
  key: DocumentKey,
  content: Uint8Array,
  signal?: AbortSignal,
): Promise<void> => {
  const compressed = compresses(store.codec, store.driver.capabilities.compression, content.length);
  const payload = payloadOf(compressed ? await compress(content) : content);
  const options = { mode: 'replace', ...(signal && { signal }) } as const;
  const { url } = await store.driver.put(key, payload, options);
  await putMetadata(db, key, { contentUrl: url, compressed, digest: payload.md5, sizeBytes: payload.sizeBytes });
};

/** The content of a document, its digest checked; undefined where there is no row. Throws `document.*`. */
export const findDocument = async (
  db: Database,
  store: Store,
  key: DocumentKey,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> => {
  const row = await findMetadata(db, key);
  if (row === undefined) return undefined;
  if (row.contentUrl === null)
    throw new AppError('document.missing', `${key.bucket}/${key.archiveId} has no content URL`);
  const object = await store.driver.get({ key, url: row.contentUrl }, signal);
  const payload = await readAll(object.chunks, MAX_CONTENT_BYTES);
  if (payload === undefined) throw new AppError('store.too-large', `${row.contentUrl} is too large to hold in memory`);
  if (row.digest !== null && md5Of(payload) !== row.digest) {
    throw new AppError('document.corrupt', `${row.contentUrl}: the bytes do not match the digest of the row`);
  }
  const content = row.compressed === true ? await decompress(payload) : payload;
  if (content === undefined) throw new AppError('store.too-large', `${row.contentUrl} decompresses to too much`);
  return content;
};

export const documentExists = async (db: Database, key: DocumentKey): Promise<boolean> =>
  (await findMetadata(db, key)) !== undefined;

/** Deletes a document: first its row, then its payload. false where there was none. */
export const deleteDocument = async (
  db: Database,
  store: Store,
  key: DocumentKey,
  signal?: AbortSignal,
): Promise<boolean> => {
  const row = await findMetadata(db, key);
  if (row === undefined) return false;
  await deleteMetadata(db, key);
  if (row.contentUrl === null) return true;
  const item = { ref: { key, url: row.contentUrl }, md5: row.digest ?? undefined };
  const [result] = await store.driver.delete([item], signal);
  if (result?.outcome === 'failed') throw result.error;
  return true;
};
