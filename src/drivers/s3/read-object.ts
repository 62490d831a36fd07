import { AppError } from '../../core/errors.ts';
import type { ObjectInfo, StoredObject } from '../contract.ts';
import { bucketExists, sendHead } from './bucket.ts';
import { describe, type S3Client, type S3Request, type S3Success } from './client.ts';
import { md5FromEtag } from './etag.ts';
import type { ResponseHeaders } from '../http/response.ts';
import { codeOf } from './failure.ts';
import type { MemoryBudget } from '../../core/memory-budget.ts';
import type { ObjectPlace } from './object-url.ts';
import { type RangeSizes, readInRanges } from './ranged-read.ts';
import { transportError } from '../http/transport-error.ts';

const sizeOf = (headers: ResponseHeaders): number | undefined => {
  const text = headers['content-length'];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
};

/** Answers up to this size are read at once: taking them piece by piece costs more than all the rest. In bytes. */
const SMALL_BYTES = 256 * 1024;

/** The bytes of an answer; throws `store.corrupt` where they end before the announced length. */
async function* readBody(
  success: S3Success,
  request: S3Request,
  announced: number | undefined,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  try {
    if (announced !== undefined && announced <= SMALL_BYTES) {
      const bytes = await success.body.bytes();
      sizeBytes = bytes.length;
      if (sizeBytes > 0) yield bytes;
    } else {
      for await (const bytes of success.body) {
        sizeBytes += bytes.length;
        yield bytes;
      }
    }
  } catch (error) {
    throw transportError(error, `${describe(request)} after ${sizeBytes} bytes`, request.signal);
  } finally {
    success.body.destroy();
  }
  if (announced !== undefined && sizeBytes !== announced) {
    throw new AppError('store.corrupt', `${describe(request)}: ${announced} bytes were announced, ${sizeBytes} came`);
  }
}

/** What reading needs to know beside the store: how large objects are read. */
export interface ReadContext {
  readonly client: S3Client;
  readonly ranges: RangeSizes;
  /** What all ranges that were fetched ahead hold together. */
  readonly memory: MemoryBudget;
}

export const getObject = async (
  { client, ranges: sizes, memory }: ReadContext,
  place: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<StoredObject> => {
  const { bucket, key } = place;
  const request = { operation: 'GetObject', method: 'GET', bucket, key, signal, streamed: true } as const;
  const first = await client.send(request);
  const sizeBytes = sizeOf(first.headers);
  const { etag } = first.headers;
  const inRanges =
    sizeBytes !== undefined && sizeBytes > sizes.rangedBytes && first.headers['accept-ranges'] === 'bytes';
  const chunks =
    inRanges && etag?.startsWith('"') === true
      ? readInRanges({ client, request, first, sizeBytes, etag, sizes, memory })
      : readBody(first, request, sizeBytes);
  return { sizeBytes, chunks };
};

/** What HEAD says of an object, with its entity tag; undefined only where the bucket exists and the object does not. */
export const headObject = async (
  client: S3Client,
  place: ObjectPlace,
  knownBuckets: Set<string>,
  signal: AbortSignal | undefined,
): Promise<(ObjectInfo & { readonly etag: string | undefined }) | undefined> => {
  const { bucket, key } = place;
  const request = { operation: 'HeadObject', method: 'HEAD', bucket, key, signal } as const;
  const answer = await sendHead(client, 'HeadObject', bucket, key, signal);
  if (answer.ok) {
    knownBuckets.add(bucket);
    const sizeBytes = sizeOf(answer.headers);
    if (sizeBytes === undefined) throw new AppError('store.failed', `${describe(request)}: the store names no size`);
    return { sizeBytes, md5: md5FromEtag(answer.headers), etag: answer.headers['etag'] };
  }
  // An answer to HEAD has no body, so a missing bucket looks like a missing object.
  if (answer.failure.status !== 404 || codeOf(answer.failure) === 'store.container-missing') {
    throw client.errorOf(answer.failure, request);
  }
  if (!knownBuckets.has(bucket)) {
    if (!(await bucketExists(client, bucket, signal))) {
      throw new AppError('store.container-missing', `${describe(request)}: the bucket does not exist`);
    }
    knownBuckets.add(bucket);
  }
  return undefined;
};

/**
 * Whether an object stands at a place. Asked by a GET for one byte: the answer to HEAD has no body, so it does not say what
 * is missing, and some servers send one all the same, after which the connection is of no use.
 */
export const objectExists = async (
  client: S3Client,
  place: ObjectPlace,
  knownBuckets: Set<string>,
  signal: AbortSignal | undefined,
): Promise<boolean> => {
  const { bucket, key } = place;
  const headers = { range: 'bytes=0-0' };
  const answer = await client.exchange({
    operation: 'GetObject',
    method: 'GET',
    bucket,
    key,
    headers,
    signal,
    streamed: true,
  });
  if (answer.ok) answer.body.destroy();
  if (answer.ok || answer.failure.status === 416) return true;
  if (answer.failure.status === 404 && answer.failure.code === 'NoSuchKey') return false;
  return (await headObject(client, place, knownBuckets, signal)) !== undefined;
};
