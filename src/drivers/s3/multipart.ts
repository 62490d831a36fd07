import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import {
  ALGORITHM_NAMES,
  type AwsChecksum,
  checksumHeader,
  computeChecksum,
  isAwsChecksum,
  md5Base64,
} from './checksum.ts';
import { describe, type S3Request } from './client.ts';
import { unquoteEtag } from './etag.ts';
import { parseFailure } from './failure.ts';
import { cutParts, type Part, type PartPlan, type PartSizes, planParts } from './multipart-parts.ts';
import { abortUpload, abortStaleUploads, type UploadRegister } from './multipart-uploads.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';
import { bodyOf, type PutContext, type PutJob, signsBodies, storageHeaders } from './put-object.ts';
import { childText, escapeXml, parseXml, type XmlElement } from './xml.ts';

interface UploadedPart {
  readonly number: number;
  /** As the store gave it, quotes included. */
  readonly etag: string;
  readonly md5: Buffer;
  /** In base64, where the configuration asks for one. */
  readonly checksum: string | undefined;
}

interface Upload {
  readonly context: PutContext;
  readonly place: ObjectPlace;
  readonly id: string;
}

const checksumOf = (context: PutContext): AwsChecksum | undefined =>
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

const uploadPart = async (upload: Upload, part: Part, signal: AbortSignal): Promise<UploadedPart> => {
  const { context, place, id } = upload;
  const algorithm = checksumOf(context);
  const checksum = algorithm && (await computeChecksum(algorithm, part.bytes));
  const md5 = createHash('md5').update(part.bytes).digest();
  const headers = {
    ...(context.options.checksum === 'md5' && { 'content-md5': md5.toString('base64') }),
    ...(algorithm !== undefined && checksum !== undefined && { [checksumHeader(algorithm)]: checksum }),
  };
  const request: S3Request = {
    operation: 'UploadPart',
    method: 'PUT',
    ...place,
    query: { partNumber: String(part.number), uploadId: id },
    headers,
    body: bodyOf(part.bytes, signsBodies(context.options)),
    signal,
  };
  const answer = await context.client.send(request);
  await answer.body.dump();
  const etag = answer.headers['etag'];
  if (etag === undefined)
    throw new AppError('store.failed', `${describe(request)}: the store gave part ${part.number} no ETag`);
  return { number: part.number, etag, md5, checksum };
};

interface PartFlow extends PartPlan {
  readonly memory: MemoryBudget;
  /** Fired by the first failure. */
  readonly stop: AbortController;
  /** Fires with `stop`, and when the caller gives up. */
  readonly signal: AbortSignal;
}

/** Uploads all parts, some at once; the first failure stops the others, and all have ended when this returns or throws. */
const uploadParts = async (
  upload: Upload,
  parts: AsyncIterator<Part>,
  { partBytes, parallel, memory, stop, signal }: PartFlow,
): Promise<UploadedPart[]> => {
  const uploaded: UploadedPart[] = [];
  const work = async (): Promise<void> => {
    try {
      for (;;) {
        using _ = await memory.take(partBytes, signal);
        const next = await parts.next();
        if (next.done === true) return;
        uploaded.push(await uploadPart(upload, next.value, signal));
      }
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: parallel }, work));
  for (const result of results) if (result.status === 'rejected') throw stop.signal.reason;
  return uploaded.toSorted((one, two) => one.number - two.number);
};

const completeUpload = async (
  upload: Upload,
  parts: readonly UploadedPart[],
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
  const { text, headers } = await context.client.sendForText(request);
  const result = parseXml(text.trimStart());
  // The status is sent before the work is done, so a failure can come as a 200 too.
  if (result.name === 'Error') throw context.client.errorOf(parseFailure(200, headers, text), request);
  if (result.name !== 'CompleteMultipartUploadResult') {
    throw new AppError(
      'store.failed',
      `${describe(request)}: expected CompleteMultipartUploadResult; got ${result.name}`,
    );
  }
  return result;
};

const md5OfAll = (pieces: readonly Buffer[]): string => createHash('md5').update(Buffer.concat(pieces)).digest('hex');

/**
 * Whether the store proved that it holds the bytes. The entity tag of an upload in parts is the MD5 of the parts' MD5s,
 * and `-<number of parts>`: where it equals the one computed here, the store computed the MD5 of each part, in this
 * order. The parts were cut from a stream whose own MD5 was checked, so that MD5 is proven too. The same holds for the
 * checksum of checksums, or of the whole object, that the store returns.
 */
const isProven = async (
  result: XmlElement,
  parts: readonly UploadedPart[],
  checksum: AwsChecksum | undefined,
  whole: string | undefined,
): Promise<boolean> => {
  const etag = unquoteEtag(childText(result, 'ETag'));
  if (etag === `${md5OfAll(parts.map(({ md5 }) => md5))}-${parts.length}`) return true;
  if (checksum === undefined) return false;
  const returned = childText(result, `Checksum${ALGORITHM_NAMES[checksum]}`);
  if (returned === undefined) return false;
  if (checksum === 'crc64nvme') return returned === whole;
  const joined = Buffer.concat(parts.map((part) => Buffer.from(part.checksum ?? '', 'base64')));
  return returned === `${await computeChecksum(checksum, joined)}-${parts.length}`;
};

/**
 * Stores a payload in parts. Nothing of it stays where this throws; where a process died in the middle, the next upload
 * of the same key removes what is left. Gives the MD5 where the store proved it, as `putObject` does.
 */
export const putMultipart = async (
  context: PutContext,
  uploads: UploadRegister,
  sizes: PartSizes,
  { place, payload, conditions, signal: outer }: PutJob,
): Promise<string | undefined> => {
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const plan = planParts(payload.sizeBytes, sizes);
  const checksum = checksumOf(context);
  const running = checksum === 'crc64nvme' ? await startCrc64() : undefined;
  await abortStaleUploads(context.client, uploads, place, signal);
  const upload: Upload = { context, place, id: await createUpload(context, place, signal) };
  uploads.active.add(upload.id);
  try {
    const parts = cutParts(payload, plan.partBytes, urlOf(place), signal, (bytes) => running?.update(bytes));
    const uploaded = await uploadParts(upload, parts, { ...plan, memory: uploads.memory, stop, signal });
    const result = await completeUpload(upload, uploaded, conditions, signal);
    const proven = await isProven(result, uploaded, checksum, await running?.end());
    return proven ? payload.md5 : undefined;
  } catch (error) {
    await abortUpload(context.client, uploads, place, upload.id);
    throw error;
  } finally {
    uploads.active.delete(upload.id);
  }
};

const startCrc64 = async (): Promise<{
  readonly update: (bytes: Uint8Array) => void;
  readonly end: () => Promise<string>;
}> => {
  const { Crc64NvmeJs } = await import('@aws-sdk/checksums/crc');
  const crc = new Crc64NvmeJs();
  return {
    update: (bytes) => crc.update(bytes),
    end: async () => Buffer.from(await crc.digest()).toString('base64'),
  };
};
