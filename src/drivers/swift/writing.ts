import { AppError } from '../../core/errors.ts';
import { openChecked } from '../checked-payload.ts';
import type { Payload } from '../contract.ts';
import type { SwiftBody, SwiftClient } from './client.ts';
import { codeOf } from './failure.ts';
import { requireKept } from './large-objects.ts';
import { unquoteEtag } from './object-state.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';

const bodyOf = (payload: Payload, url: string, signal: AbortSignal | undefined): SwiftBody =>
  payload.bytes !== undefined && payload.bytes.length === payload.sizeBytes
    ? { kind: 'bytes', bytes: payload.bytes }
    : { kind: 'stream', sizeBytes: payload.sizeBytes, open: () => openChecked(payload, url, signal) };

/**
 * Stores a payload as one object. The cluster compares it with the digest that goes along (422 if it differs), and its 201
 * with the same digest is the proof. `createOnly` asks it to keep what stands there; it looks before it writes, so that of
 * two such requests at the same time both can succeed.
 */
export const putPlainObject = async (
  client: SwiftClient,
  place: ObjectPlace,
  payload: Payload,
  createOnly: boolean,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const url = urlOf(place);
  const request = {
    method: 'PUT',
    ...place,
    headers: {
      'content-type': 'application/octet-stream',
      'etag': payload.md5,
      ...(createOnly && { 'if-none-match': '*' }),
    },
    body: bodyOf(payload, url, signal),
    signal,
  } as const;
  const answer = await client.exchangeText(request);
  if (answer.ok) return requireKept(answer.status, unquoteEtag(answer.headers['etag']), payload.md5, url);
  if (answer.failure.status === 404) {
    throw new AppError('store.container-missing', `PUT ${url}: the container "${place.container}" does not exist`);
  }
  const said = answer.failure;
  if (codeOf(said) === 'store.exists') throw new AppError('store.exists', `${url}: an object stands there already`);
  throw client.errorOf(said, request);
};
