import { isAppError } from '../../core/errors.ts';
import type { S3Client, S3Request } from './client.ts';
import { decodeKey } from './list-objects.ts';
import { MemoryBudget } from './memory-budget.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';
import { childText, childrenNamed, parseXml } from './xml.ts';

/** What a driver knows of uploads in parts. */
export interface UploadRegister {
  /** The ids of those under way. */
  readonly active: Set<string>;
  /** The ids of those that could not be aborted, by the URL of their object. */
  readonly left: Map<string, Set<string>>;
  /** What the parts of all of them hold. */
  readonly memory: MemoryBudget;
}

/** In bytes. */
const MEMORY_OF_ALL_UPLOADS = 128 * 1024 * 1024;

export const createUploadRegister = (): UploadRegister => ({
  active: new Set(),
  left: new Map(),
  memory: new MemoryBudget(MEMORY_OF_ALL_UPLOADS),
});

/** Cleaning up goes on where the caller has given up, but not for ever. */
const ABORT_TIMEOUT_MS = 10_000;

/** Aborts an upload; one that cannot be reached is remembered for the next put of its key. Never throws. */
export const abortUpload = async (
  client: S3Client,
  uploads: UploadRegister,
  place: ObjectPlace,
  id: string,
): Promise<void> => {
  const request: S3Request = {
    operation: 'AbortMultipartUpload',
    method: 'DELETE',
    ...place,
    query: { uploadId: id },
    signal: AbortSignal.timeout(ABORT_TIMEOUT_MS),
  };
  const url = urlOf(place);
  const left = uploads.left.get(url) ?? new Set();
  try {
    const answer = await client.exchange(request);
    if (answer.ok) await answer.body.dump();
    if (answer.ok || answer.failure.code === 'NoSuchUpload') left.delete(id);
    else left.add(id);
  } catch {
    left.add(id);
  }
  if (left.size > 0) uploads.left.set(url, left);
  else uploads.left.delete(url);
};

const findUploads = async (client: S3Client, place: ObjectPlace, signal: AbortSignal): Promise<readonly string[]> => {
  const { bucket, key } = place;
  const query = { 'uploads': '', 'prefix': key, 'encoding-type': 'url' };
  const request: S3Request = { operation: 'ListMultipartUploads', method: 'GET', bucket, query, signal };
  try {
    const page = parseXml((await client.sendForText(request)).text);
    const encoded = childText(page, 'EncodingType')?.trim() === 'url';
    return childrenNamed(page, 'Upload')
      .filter((upload) => decodeKey(bucket, childText(upload, 'Key') ?? '', encoded) === key)
      .map((upload) => childText(upload, 'UploadId') ?? '')
      .filter((id) => id !== '');
  } catch (error) {
    // Not allowed to list, or no such operation: then there is nothing more that can be done.
    if (isAppError(error) && !error.retryable && !signal.aborted) return [];
    throw error;
  }
};

/**
 * Removes what earlier attempts at this key left behind. Only one process at a time writes a key, so every upload that
 * is not under way here is stale.
 */
export const abortStaleUploads = async (
  client: S3Client,
  uploads: UploadRegister,
  place: ObjectPlace,
  signal: AbortSignal,
): Promise<void> => {
  const found = await findUploads(client, place, signal);
  const ids = new Set([...found, ...(uploads.left.get(urlOf(place)) ?? [])]);
  for (const id of ids) if (!uploads.active.has(id)) await abortUpload(client, uploads, place, id);
};
