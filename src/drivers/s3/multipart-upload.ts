import { AppError } from '../../core/errors.ts';
import { ALGORITHM_NAMES, type AwsChecksum, isAwsChecksum, md5Base64 } from './checksum.ts';
import { describe, type S3Request } from './client.ts';
import { sendForLateResult } from './late-result.ts';
import { abortStaleUploads, abortUpload, type UploadRegister } from './multipart-uploads.ts';
import type { ObjectPlace } from './object-url.ts';
import { bodyOf, type PutContext, signsBodies, storageHeaders } from './put-object.ts';
import { childText, escapeXml, parseXml, type XmlElement } from './xml.ts';

/** An upload in parts that was begun. */
export interface Upload {
  readonly context: PutContext;
  readonly place: ObjectPlace;
  readonly id: string;
}

/** A part that the store has. */
export interface StoredPart {
  readonly number: number;
  /** As the store gave it, quotes included. */
  readonly etag: string;
  /** In base64, where the configuration asks for one. */
  readonly checksum: string | undefined;
}

export const checksumOf = (context: PutContext): AwsChecksum | undefined =>
  isAwsChecksum(context.options.checksum) ? context.options.checksum : undefined;

const createUpload = async (context: PutContext, place: ObjectPlace, signal: AbortSignal): Promise<string> => {
  const checksum = checksumOf(context);
  const headers = {
    ...storageHeaders(context.options),
    ...(checksum !== undefined && { 'x-amz-checksum-algorithm': ALGORITHM_NAMES[checksum] }),
    ...(checksum === 'crc64nvme' && { 'x-amz-checksum-type': 'FULL_OBJECT' }),
  };
  const request = {
    operation: 'CreateMultipartUpload',
    method: 'POST',
    ...place,
    query: { uploads: '' },
    headers,
    signal,
  } as const;
  const { text } = await context.client.sendForText(request);
  const id = childText(parseXml(text), 'UploadId');
  if (!id) throw new AppError('store.failed', `${describe(request)}: the store gave no upload id`);
  return id;
};

export const completeUpload = async (
  upload: Upload,
  parts: readonly StoredPart[],
  conditions: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<XmlElement> => {
  const { context, place, id } = upload;
  const algorithm = checksumOf(context);
  const listed = parts.map(({ number, etag, checksum }) => {
    const name = algorithm && `Checksum${ALGORITHM_NAMES[algorithm]}`;
    const extra = name === undefined || checksum === undefined ? '' : `<${name}>${checksum}</${name}>`;
    return `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag>${extra}</Part>`;
  });
  const body = Buffer.from(
    `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${listed.join('')}</CompleteMultipartUpload>`,
  );
  const request: S3Request = {
    operation: 'CompleteMultipartUpload',
    method: 'POST',
    ...place,
    query: { uploadId: id },
    headers: {
      'content-type': 'application/xml',
      'content-md5': md5Base64(body),
      ...(algorithm === 'crc64nvme' && { 'x-amz-checksum-type': 'FULL_OBJECT' }),
      ...conditions,
    },
    body: bodyOf(body, signsBodies(context.options)),
    signal,
  };
  return (await sendForLateResult(context.client, request, 'CompleteMultipartUploadResult')).result;
};

/**
 * Begins an upload and has it done. Nothing of it stays where this throws; where a process died in the middle, the next
 * write of the same key removes what is left. The first failure of `work` fires `stop`, and so does the caller's signal.
 */
export const withUpload = async <T>(
  context: PutContext,
  uploads: UploadRegister,
  place: ObjectPlace,
  outer: AbortSignal | undefined,
  work: (upload: Upload, flow: UploadFlow) => Promise<T>,
): Promise<T> => {
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  await abortStaleUploads(context.client, uploads, place, signal);
  const upload: Upload = { context, place, id: await createUpload(context, place, signal) };
  uploads.active.add(upload.id);
  try {
    return await work(upload, { stop, signal });
  } catch (error) {
    await abortUpload(context.client, uploads, place, upload.id);
    throw error;
  } finally {
    uploads.active.delete(upload.id);
  }
};

export interface UploadFlow {
  /** Fired by the first failure. */
  readonly stop: AbortController;
  /** Fires with `stop`, and when the caller gives up. */
  readonly signal: AbortSignal;
}

/** Runs `next` until it has no more, so many at once; the first failure stops the others, and all have ended when this ends. */
export const storeParts = async <Part extends StoredPart>(
  parallel: number,
  stop: AbortController,
  next: () => Promise<Part | undefined>,
): Promise<Part[]> => {
  const stored: Part[] = [];
  const work = async (): Promise<void> => {
    try {
      for (let part = await next(); part !== undefined; part = await next()) stored.push(part);
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: parallel }, work));
  for (const result of results) if (result.status === 'rejected') throw stop.signal.reason;
  return stored.toSorted((one, two) => one.number - two.number);
};
