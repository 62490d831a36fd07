import { AppError, isAppError } from '../../core/errors.ts';
import type { S3Client, S3Request } from './client.ts';
import { decodeKey } from './list-objects.ts';
import { MemoryBudget } from '../../core/memory-budget.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';
import { childText, childrenNamed, parseXml } from './xml.ts';

/** What a driver knows of uploads in parts. */
export interface UploadRegister {
  /** The ids of those under way. */
  readonly active: Set<string>;
  /** The ids of those that nobody goes on with, by the URL of their object: found, or not to be aborted when they failed. */
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

/** Aborts an upload; one that cannot be reached is remembered for the next write of its key. Never throws. */
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

interface UnfinishedUpload {
  readonly key: string;
  readonly id: string;
}

/** Every upload whose key begins so. */
async function* listUploads(
  client: S3Client,
  bucket: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<UnfinishedUpload> {
  let marker: Readonly<Record<string, string>> | undefined = {};
  while (marker !== undefined) {
    const query: Record<string, string> = { 'uploads': '', prefix, 'encoding-type': 'url', ...marker };
    const request: S3Request = { operation: 'ListMultipartUploads', method: 'GET', bucket, query, signal };
    const page = parseXml((await client.sendForText(request)).text);
    const encoded = childText(page, 'EncodingType')?.trim() === 'url';
    const decode = (text: string | undefined): string => decodeKey(bucket, text ?? '', encoded);
    for (const upload of childrenNamed(page, 'Upload')) {
      const id = childText(upload, 'UploadId');
      if (id) yield { key: decode(childText(upload, 'Key')), id };
    }
    const next = {
      'key-marker': decode(childText(page, 'NextKeyMarker')),
      'upload-id-marker': childText(page, 'NextUploadIdMarker') ?? '',
    };
    const goesOn = childText(page, 'IsTruncated')?.trim() === 'true' && next['key-marker'] !== '';
    if (goesOn && JSON.stringify(next) === JSON.stringify(marker))
      throw new AppError('store.failed', `the listing of the uploads in s3://${bucket} goes round in a circle`);
    marker = goesOn ? next : undefined;
  }
}

/** What a listing can tell: nothing where it is not allowed, or there is no such operation. Then there is nothing to be done. */
const findUploads = async (
  client: S3Client,
  { bucket, key: prefix }: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<readonly UnfinishedUpload[]> => {
  try {
    return await Array.fromAsync(listUploads(client, bucket, prefix, signal));
  } catch (error) {
    if (isAppError(error) && !error.retryable && signal?.aborted !== true) return [];
    throw error;
  }
};

/**
 * Takes note of the uploads that are unfinished under a prefix, as those of a process that was killed are. A single one
 * may be another worker's, or somebody else's: only who writes or deletes the same key knows that it is stale.
 */
export const noteUnfinishedUploads = async (
  client: S3Client,
  uploads: UploadRegister,
  bucket: string,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const under = await findUploads(client, { bucket, key: prefix }, signal);
  // MinIO finds them by nothing but the whole key or none.
  const found = under.length > 0 || prefix === '' ? under : await findUploads(client, { bucket, key: '' }, signal);
  for (const { key, id } of found) {
    if (uploads.active.has(id) || !key.startsWith(prefix)) continue;
    const url = urlOf({ bucket, key });
    uploads.left.set(url, (uploads.left.get(url) ?? new Set()).add(id));
  }
};

/** Aborts what is known to be left of earlier uploads of this key. Sends nothing where nothing is known. */
export const abortNotedUploads = async (
  client: S3Client,
  uploads: UploadRegister,
  place: ObjectPlace,
): Promise<void> => {
  for (const id of uploads.left.get(urlOf(place)) ?? []) {
    if (!uploads.active.has(id)) await abortUpload(client, uploads, place, id);
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
  const found = (await findUploads(client, place, signal)).filter(({ key }) => key === place.key);
  const ids = new Set([...found.map(({ id }) => id), ...(uploads.left.get(urlOf(place)) ?? [])]);
  for (const id of ids) if (!uploads.active.has(id)) await abortUpload(client, uploads, place, id);
};
