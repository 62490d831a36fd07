import { createHash } from 'node:crypto';
import { collectBytes, openChecked } from '../checked-payload.ts';
import type { Payload } from '../contract.ts';
import { type AzureClient, describe, withAbort } from './client.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';

/** Payloads up to this size go in one request, and so through memory; larger ones in blocks. In bytes. */
export const ONE_REQUEST_BYTES = 8 * 1024 * 1024;
/** What Azure allows. */
const MAX_BLOCKS = 50_000;
const MAX_BLOCK_BYTES = 64 * 1024 * 1024;
export const MAX_PAYLOAD_BYTES = MAX_BLOCKS * MAX_BLOCK_BYTES;

/** The metadata of a blob whose MD5 the service compared with all its bytes when it took them. */
export const MD5_MARK = 'anchoremd5checked';
const CONTENT_TYPE = 'binary/octet-stream';

export interface PutJob {
  readonly place: ObjectPlace;
  readonly payload: Payload;
  /** Only where nothing stands yet; the service looks when it keeps the blob, so it is atomic. */
  readonly createOnly: boolean;
  readonly signal: AbortSignal | undefined;
}

const conditionsOf = (job: PutJob): { readonly conditions?: { readonly ifNoneMatch: string } } =>
  job.createOnly ? { conditions: { ifNoneMatch: '*' } } : {};

/** One request. Returns the MD5 that the service computed from what it received, in hex. */
export const putInOne = async (client: AzureClient, job: PutJob): Promise<string | undefined> => {
  const { place, payload, signal } = job;
  const bytes = await collectBytes(payload, urlOf(place), signal);
  const answer = await client.call(describe('PUT', place), signal, () =>
    client.blob(place).upload(bytes, bytes.length, {
      ...withAbort(signal),
      ...conditionsOf(job),
      // For a blob sent in one request the service compares this with what arrives, and keeps nothing that differs.
      blobHTTPHeaders: { blobContentType: CONTENT_TYPE, blobContentMD5: Buffer.from(payload.md5, 'hex') },
      metadata: { [MD5_MARK]: 'true' },
    }),
  );
  return answer.contentMD5 === undefined ? undefined : Buffer.from(answer.contentMD5).toString('hex');
};

/** The payload's bytes, checked, in pieces of one size; the last one may be shorter. */
async function* piecesOf(job: PutJob, pieceBytes: number): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of openChecked(job.payload, urlOf(job.place), job.signal)) {
    let rest = chunk;
    while (heldBytes + rest.length >= pieceBytes) {
      const taken = rest.subarray(0, pieceBytes - heldBytes);
      yield Buffer.concat([...held, taken]);
      rest = rest.subarray(taken.length);
      [held, heldBytes] = [[], 0];
    }
    if (rest.length > 0) held.push(rest);
    heldBytes += rest.length;
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}

/**
 * In blocks, which count for nothing until they are committed together: the service forgets those of an upload that was
 * broken off after a week. It checks the MD5 of each block, but none of the whole, so none is kept with the blob.
 */
export const putInBlocks = async (client: AzureClient, job: PutJob): Promise<void> => {
  const { place, payload, signal } = job;
  const blob = client.blob(place);
  const pieceBytes = Math.max(ONE_REQUEST_BYTES, Math.ceil(payload.sizeBytes / MAX_BLOCKS));
  const blocks: string[] = [];
  for await (const piece of piecesOf(job, pieceBytes)) {
    // All ids of a blob have one length.
    const id = Buffer.from(String(blocks.length).padStart(8, '0')).toString('base64');
    await client.call(`${describe('PUT block of', place)}`, signal, () =>
      blob.stageBlock(id, piece, piece.length, {
        ...withAbort(signal),
        transactionalContentMD5: createHash('md5').update(piece).digest(),
      }),
    );
    blocks.push(id);
  }
  await client.call(describe('PUT', place), signal, () =>
    blob.commitBlockList(blocks, {
      ...withAbort(signal),
      ...conditionsOf(job),
      blobHTTPHeaders: { blobContentType: CONTENT_TYPE },
    }),
  );
};
