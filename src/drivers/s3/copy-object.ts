import { createHash, randomUUID } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { ALGORITHM_NAMES } from './checksum.ts';
import { describe, type S3Request } from './client.ts';
import { probeKey, removeProbe } from './conditional-put.ts';
import { md5FromEtag } from './etag.ts';
import { sendForLateResult } from './late-result.ts';
import { checksumOf, completeUpload, type StoredPart, storeParts, withUpload } from './multipart-upload.ts';
import type { UploadRegister } from './multipart-uploads.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';
import { type PutContext, storageHeaders } from './put-object.ts';
import { encodeKey } from './signing.ts';
import { childText } from './xml.ts';

export interface CopySizes {
  /** Objects above this are copied in parts; in bytes. */
  readonly wholeBytes: number;
  /** What a part has, the last one apart; in bytes. */
  readonly partBytes: number;
}

const GIB = 1024 ** 3;
/** S3 copies up to 5 GiB with one request, the largest object that it can have stored with one. */
export const DEFAULT_COPY_SIZES: CopySizes = { wholeBytes: 5 * GIB, partBytes: GIB };

/** What S3 allows an upload to have. */
const MAX_PARTS = 10_000;
/** Each keeps the store busy and nobody here. */
const PARTS_AT_ONCE = 4;

/** What is to be copied, and where. */
export interface CopyJob {
  readonly source: ObjectPlace;
  readonly place: ObjectPlace;
  readonly expected: { readonly md5: string; readonly sizeBytes: number };
  readonly signal: AbortSignal | undefined;
}

/** The store itself compares: it copies the object that has this entity tag, or nothing. */
const sourceHeaders = ({ source, expected }: CopyJob): Readonly<Record<string, string>> => ({
  'x-amz-copy-source': `/${source.bucket}/${encodeKey(source.key)}`,
  'x-amz-copy-source-if-match': `"${expected.md5}"`,
});

/**
 * Whether the store compares at all: told to copy an object that has the MD5 of something else, it must refuse. One that
 * copies all the same could replace what stands at a destination by anything, so it is not asked to. What the probe may
 * have left is removed before this returns or throws.
 */
export const probeConditionalCopy = async (context: PutContext, job: CopyJob): Promise<boolean> => {
  const { client, options } = context;
  const nowhere = randomUUID();
  const md5 = createHash('md5').update(nowhere).digest('hex');
  const place = { bucket: options.bucket, key: probeKey(options, 'copy') };
  const headers = { ...storageHeaders(options), ...sourceHeaders({ ...job, expected: { md5, sizeBytes: 0 } }) };
  const request: S3Request = { operation: 'CopyObject', method: 'PUT', ...place, headers, signal: job.signal };
  let compared = false;
  let versions: (string | undefined)[] = [];
  try {
    const answer = await client.exchange(request);
    if (answer.ok) {
      versions = [answer.headers['x-amz-version-id']];
      await answer.body.dump();
    } else {
      // Whatever was refused was not copied; only this refusal says why.
      compared = true;
      if (answer.failure.status !== 412) throw client.errorOf(answer.failure, request);
    }
    return compared;
  } finally {
    if (!compared) await removeProbe(client, place.bucket, place.key, versions);
  }
};

/** A precondition can only be that of the source: the destination has none. */
const explained = async <T>(job: CopyJob, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'store.exists') throw error;
    const what = `${urlOf(job.source)}: the store does not know it by the MD5 ${job.expected.md5}`;
    throw new AppError('store.failed', `${what}, so it cannot copy it by itself`, { cause: error });
  }
};

/** Copies an object with one request. Gives the MD5 where the store's entity tag of the new object is that. */
const copyWhole = async (context: PutContext, job: CopyJob): Promise<string | undefined> => {
  const { place, signal } = job;
  const checksum = checksumOf(context);
  const headers = {
    ...storageHeaders(context.options),
    ...sourceHeaders(job),
    // Stored as `put` stores it, whatever the source had.
    'x-amz-metadata-directive': 'REPLACE',
    // Tags would need rights of their own.
    'x-amz-tagging-directive': 'REPLACE',
    ...(checksum !== undefined && { 'x-amz-checksum-algorithm': ALGORITHM_NAMES[checksum] }),
  };
  const request: S3Request = { operation: 'CopyObject', method: 'PUT', ...place, headers, signal };
  const { result, headers: answered } = await sendForLateResult(context.client, request, 'CopyObjectResult');
  const etag = childText(result, 'ETag');
  const md5 = etag === undefined ? undefined : md5FromEtag({ ...answered, etag });
  // An entity tag that is anything else proves nothing, and says nothing against the object either.
  return md5 === job.expected.md5 ? md5 : undefined;
};

/** Copies an object in ranges. The new entity tag is made of the MD5s of parts that nobody here knows: it proves nothing. */
const copyInParts = async (
  context: PutContext,
  uploads: UploadRegister,
  sizes: CopySizes,
  job: CopyJob,
): Promise<void> => {
  const { place, expected } = job;
  const partBytes = Math.max(sizes.partBytes, Math.ceil(expected.sizeBytes / MAX_PARTS));
  const count = Math.ceil(expected.sizeBytes / partBytes);
  // A checksum would prove nothing here either, and MinIO computes none of a part that it copies.
  const plain: PutContext = { ...context, options: { ...context.options, checksum: 'none' } };
  await withUpload(plain, uploads, place, job.signal, async (upload, { stop, signal }) => {
    let begun = 0;
    const parts = await storeParts(PARTS_AT_ONCE, stop, async (): Promise<StoredPart | undefined> => {
      if (begun === count) return undefined;
      begun += 1;
      const number = begun;
      const last = Math.min(number * partBytes, expected.sizeBytes) - 1;
      const range = `bytes=${(number - 1) * partBytes}-${last}`;
      const request: S3Request = {
        operation: 'UploadPartCopy',
        method: 'PUT',
        ...place,
        query: { partNumber: String(number), uploadId: upload.id },
        headers: { ...sourceHeaders(job), 'x-amz-copy-source-range': range },
        signal,
      };
      const { result } = await sendForLateResult(context.client, request, 'CopyPartResult');
      const etag = childText(result, 'ETag');
      if (!etag) throw new AppError('store.failed', `${describe(request)}: the store gave part ${number} no ETag`);
      return { number, etag, checksum: undefined };
    });
    await completeUpload(upload, parts, {}, signal);
  });
};

/**
 * Has the store copy an object, if and only if it knows that by the expected MD5. Gives that MD5 where the store says that
 * it is also the new object's; undefined proves nothing. Throws `store.failed` where the store does not know the object by
 * that MD5, as it does not where it was stored in parts or encrypted with a managed key.
 */
export const copyObject = async (
  context: PutContext,
  uploads: UploadRegister,
  sizes: CopySizes,
  job: CopyJob,
): Promise<string | undefined> => {
  const { source, place, expected } = job;
  if (urlOf(source) === urlOf(place))
    throw new AppError('store.exists', `${urlOf(place)}: an object cannot be copied onto itself`);
  if (expected.sizeBytes > sizes.wholeBytes) {
    await explained(job, copyInParts(context, uploads, sizes, job));
    return undefined;
  }
  return explained(job, copyWhole(context, job));
};
