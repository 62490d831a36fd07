import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { ALGORITHM_NAMES, type AwsChecksum, checksumHeader, computeChecksum } from './checksum.ts';
import { describe, type S3Request } from './client.ts';
import { unquoteEtag } from './etag.ts';
import { cutParts, type Part, type PartSizes, planParts } from './multipart-parts.ts';
import {
  checksumOf,
  completeUpload,
  type StoredPart,
  storeParts,
  type Upload,
  withUpload,
} from './multipart-upload.ts';
import type { UploadRegister } from './multipart-uploads.ts';
import { urlOf } from './object-url.ts';
import { bodyOf, type PutContext, type PutJob, signsBodies } from './put-object.ts';
import { childText, type XmlElement } from './xml.ts';

interface UploadedPart extends StoredPart {
  readonly md5: Buffer;
}

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

/** Stores a payload in parts. Gives the MD5 where the store proved it, as `putObject` does. */
export const putMultipart = async (
  context: PutContext,
  uploads: UploadRegister,
  sizes: PartSizes,
  { place, payload, conditions, signal: outer }: PutJob,
): Promise<string | undefined> => {
  const { partBytes, parallel } = planParts(payload.sizeBytes, sizes);
  const checksum = checksumOf(context);
  const running = checksum === 'crc64nvme' ? await startCrc64() : undefined;
  return withUpload(context, uploads, place, outer, async (upload, { stop, signal }) => {
    const parts = cutParts(payload, partBytes, urlOf(place), signal, (bytes) => running?.update(bytes));
    const uploaded = await storeParts(parallel, stop, async () => {
      using _ = await uploads.memory.take(partBytes, signal);
      const next = await parts.next();
      return next.done === true ? undefined : await uploadPart(upload, next.value, signal);
    });
    const result = await completeUpload(upload, uploaded, conditions, signal);
    const proven = await isProven(result, uploaded, checksum, await running?.end());
    return proven ? payload.md5 : undefined;
  });
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
