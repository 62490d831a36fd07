import { hash } from 'node:crypto';
import type { Payload } from '../contract.ts';
import { ALGORITHM_NAMES, checksumHeader, computeChecksum, isAwsChecksum } from './checksum.ts';
import { describe, type S3Body, type S3Client } from './client.ts';
import type { S3Options } from './config.ts';
import { md5FromEtag } from './etag.ts';
import type { ObjectPlace } from './object-url.ts';
import { readPayload, verifiedStream } from './payload-source.ts';

/** Payloads up to this size are held in memory while they are sent; in bytes. */
export const IN_MEMORY_BYTES = 8 * 1024 * 1024;

/** What every object of ours is stored as. Source: COMPATIBILITY.md, Documents. */
const CONTENT_TYPE = 'binary/octet-stream';

/** The headers that say how an object is to be kept. */
export const storageHeaders = (options: S3Options): Readonly<Record<string, string>> => ({
  'content-type': CONTENT_TYPE,
  ...(options.storageClass !== undefined && { 'x-amz-storage-class': options.storageClass }),
  ...(options.sse !== undefined && { 'x-amz-server-side-encryption': options.sse.mode }),
  ...(options.sse?.mode === 'aws:kms' &&
    options.sse.kmsKeyId !== undefined && { 'x-amz-server-side-encryption-aws-kms-key-id': options.sse.kmsKeyId }),
});

/** Whether bodies are part of the signature: over TLS nobody can change them anyway. */
export const signsBodies = (options: S3Options): boolean => options.url?.toLowerCase().startsWith('http:') === true;

/** Bytes as a body, hashed where that is signed. */
export const bodyOf = (bytes: Uint8Array, signed: boolean, sha256?: string): S3Body => ({
  kind: 'bytes',
  bytes,
  sha256: signed ? (sha256 ?? hash('sha256', bytes)) : undefined,
});

/** What one request needs to know of the store. */
export interface PutContext {
  readonly client: S3Client;
  readonly options: S3Options;
}

/** What is to be stored, and where. */
export interface PutJob {
  readonly place: ObjectPlace;
  readonly payload: Payload;
  /** Headers that make the store refuse it in some cases. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

const base64OfHex = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');

/**
 * Stores a payload with one request. Gives the MD5 where the store proved it: by an entity tag that is the MD5 of the
 * bytes, or by a checksum of its own that equals ours over the same bytes. An entity tag that is anything else proves
 * nothing, and says nothing against the object either: not every store makes it an MD5.
 */
export const putObject = async (
  context: PutContext,
  { place, payload, conditions, signal }: PutJob,
): Promise<string | undefined> => {
  const { client, options } = context;
  const request = { operation: 'PutObject', method: 'PUT', bucket: place.bucket, key: place.key, signal } as const;
  const what = describe(request);
  const { checksum } = options;
  const headers: Record<string, string> = { ...storageHeaders(options), ...conditions };
  let body: S3Body;
  let sent: string | undefined;
  // A checksum goes into a header before the body, so the bytes must be there; MD5 is known beforehand.
  if (payload.bytes !== undefined || payload.sizeBytes <= IN_MEMORY_BYTES || isAwsChecksum(checksum)) {
    const bytes = await readPayload(payload, what, signal);
    body = bodyOf(bytes, signsBodies(options), payload.sha256);
    if (isAwsChecksum(checksum)) {
      sent = await computeChecksum(checksum, bytes);
      headers['x-amz-sdk-checksum-algorithm'] = ALGORITHM_NAMES[checksum];
      headers[checksumHeader(checksum)] = sent;
    }
  } else {
    body = { kind: 'stream', sizeBytes: payload.sizeBytes, open: () => verifiedStream(payload, what, signal) };
  }
  if (checksum === 'md5') headers['content-md5'] = base64OfHex(payload.md5);
  const success = await client.send({ ...request, headers, body });
  await success.body.dump();
  if (md5FromEtag(success.headers) === payload.md5) return payload.md5;
  const proven = isAwsChecksum(checksum) && sent !== undefined && success.headers[checksumHeader(checksum)] === sent;
  return proven ? payload.md5 : undefined;
};
