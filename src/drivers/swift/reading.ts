import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import type { StoredObject } from '../contract.ts';
import type { AnswerBody } from '../http/response.ts';
import { transportError } from '../http/transport-error.ts';
import { describe, type SwiftClient, type SwiftRequest } from './client.ts';
import type { Containers } from './containers.ts';
import { isAbsent } from './failure.ts';
import { type ObjectState, parseObjectState } from './object-state.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';

export interface Reader {
  readonly client: SwiftClient;
  readonly containers: Containers;
}

async function* chunksOf(body: AnswerBody, what: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw transportError(error, what, signal);
  } finally {
    // Does nothing after the end; where reading was broken off, it frees the connection.
    body.destroy();
  }
}

/** Throws `store.not-found` only where the cluster says so of an object in a container that exists. */
export const getObject = async (
  { client, containers }: Reader,
  place: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<StoredObject> => {
  const request: SwiftRequest = { method: 'GET', ...place, signal };
  const answer = await client.exchange(request);
  if (!answer.ok) {
    if (isAbsent(answer.failure)) await containers.require(place.container, signal);
    throw client.errorOf(answer.failure, request);
  }
  if (answer.status !== 200) {
    answer.body.destroy();
    throw new AppError('store.failed', `${describe(request)}: expected HTTP 200; got ${answer.status}`);
  }
  return {
    sizeBytes: parseObjectState(answer.headers).sizeBytes,
    chunks: chunksOf(answer.body, describe(request), signal),
  };
};

/** undefined only where the cluster says that there is none, in a container that exists. */
export const findObject = async (
  { client, containers }: Reader,
  place: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<ObjectState | undefined> => {
  const request: SwiftRequest = { method: 'HEAD', ...place, signal };
  const answer = await client.exchangeText(request);
  if (answer.ok) return parseObjectState(answer.headers);
  if (!isAbsent(answer.failure)) throw client.errorOf(answer.failure, request);
  await containers.require(place.container, signal);
  return undefined;
};

/** The MD5 of all bytes of an object, read for it: what the cluster says of large ones is a digest of digests. */
export const measureMd5 = async (
  reader: Reader,
  place: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<string> => {
  const { chunks, sizeBytes } = await getObject(reader, place, signal);
  const hash = createHash('md5');
  let count = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    count += chunk.length;
  }
  if (sizeBytes !== undefined && sizeBytes !== count) {
    throw new AppError('store.corrupt', `GET ${urlOf(place)}: expected ${sizeBytes} bytes; got ${count}`);
  }
  return hash.digest('hex');
};
