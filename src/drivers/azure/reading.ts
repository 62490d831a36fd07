import { AppError, isAppError } from '../../core/errors.ts';
import { untilAborted } from '../checked-payload.ts';
import type { ObjectInfo, StoredObject } from '../contract.ts';
import { type AzureClient, describe, withAbort } from './client.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';
import { MD5_MARK } from './writing.ts';

/** The bytes of an answer; throws `store.corrupt` where they end before the announced length. */
async function* readBody(
  client: AzureClient,
  body: NodeJS.ReadableStream,
  place: ObjectPlace,
  announced: number | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  try {
    for await (const chunk of untilAborted(body, signal)) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      sizeBytes += bytes.length;
      yield bytes;
    }
  } catch (error) {
    // The library's own words for a body that is too short, which it sees before we do.
    const short = announced !== undefined && sizeBytes < announced && /data corruption/i.test(String(error));
    if (!short) throw client.errorOf(error, `${describe('GET', place)} after ${sizeBytes} bytes`, signal);
  }
  if (announced !== undefined && sizeBytes !== announced) {
    const what = `${describe('GET', place)}: ${announced} bytes were announced, ${sizeBytes} came`;
    throw new AppError('store.corrupt', what);
  }
}

export const getObject = async (
  client: AzureClient,
  place: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<StoredObject> => {
  const answer = await client.call(describe('GET', place), signal, () =>
    client.blob(place).download(0, undefined, { ...withAbort(signal), maxRetryRequests: 0 }),
  );
  const { readableStreamBody: body, contentLength: sizeBytes } = answer;
  if (body === undefined) throw new AppError('store.failed', `${urlOf(place)}: the answer has no body`);
  // Until the reader begins, nobody else listens: an unheard error event would end the process.
  body.on('error', () => undefined);
  return { sizeBytes, chunks: readBody(client, body, place, sizeBytes, signal) };
};

export interface BlobInfo extends ObjectInfo {
  /** Names this state of the blob, for conditions. */
  readonly etag: string | undefined;
}

/** What the service says of a blob; undefined only where it says that there is none. */
export const findObject = async (
  client: AzureClient,
  place: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<BlobInfo | undefined> => {
  const what = describe('HEAD', place);
  try {
    const found = await client.call(what, signal, () => client.blob(place).getProperties(withAbort(signal)));
    if (found.contentLength === undefined) throw new AppError('store.failed', `${what}: the service gives no length`);
    // Whoever uploads in blocks, or sets properties, may name any MD5: only where it was checked it says something.
    const checked = found.metadata?.[MD5_MARK] !== undefined && found.contentMD5 !== undefined;
    const md5 = checked ? Buffer.from(found.contentMD5 ?? '').toString('hex') : undefined;
    return { sizeBytes: found.contentLength, md5, etag: found.etag };
  } catch (error) {
    if (isAppError(error, 'store.not-found')) return undefined;
    throw error;
  }
};
