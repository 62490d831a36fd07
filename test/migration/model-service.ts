import { createHash } from 'node:crypto';
import { deleteDocument, putDocument } from '../../src/archive/archive.ts';
import { compress, compresses } from '../../src/archive/codec.ts';
import { putMetadata } from '../../src/archive/metadata-store.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import type { Database } from '../../src/database/database.ts';
import { keyOf } from './harness.ts';

export type ServiceAction =
  | { readonly kind: 'put'; readonly key: number; readonly content: number }
  /** The payload now, the row only at the end of the operation under way. */
  | { readonly kind: 'slow-put'; readonly key: number; readonly content: number }
  | { readonly kind: 'delete'; readonly key: number };

/** Contents differ in their first bytes and in length; some are long enough to be compressed. */
const contentOf = (content: number): Buffer =>
  Buffer.from(JSON.stringify({ document: { content, text: 'lorem '.repeat((content % 7) * 120) } }));

/**
 * What a service does with its archive. `expected`: the SHA-256 of each document that it has had acknowledged. Returns what is
 * left to be done of a slow write.
 */
export const serve = async (
  db: Database,
  store: Store,
  action: ServiceAction,
  expected: Map<string, string>,
): Promise<(() => Promise<void>) | undefined> => {
  const key = keyOf(action.key);
  if (action.kind === 'delete') {
    await deleteDocument(db, store, key);
    expected.delete(key.archiveId);
    return undefined;
  }
  const content = contentOf(action.content);
  const remember = (): void => {
    expected.set(key.archiveId, createHash('sha256').update(content).digest('hex'));
  };
  if (action.kind === 'put') {
    await putDocument(db, store, key, content);
    remember();
    return undefined;
  }
  const compressed = compresses(store.codec, store.driver.capabilities.compression, content.length);
  const { md5, sizeBytes, ...payload } = payloadOf(compressed ? await compress(content) : content);
  const { url } = await store.driver.put(key, { md5, sizeBytes, ...payload }, { mode: 'replace' });
  return async () => {
    await putMetadata(db, key, { contentUrl: url, compressed, digest: md5, sizeBytes });
    remember();
  };
};
