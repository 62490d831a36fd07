import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { Payload } from '../contract.ts';
import { openChecked } from '../checked-payload.ts';
import { mapBounded } from '../http/map-bounded.ts';
import type { SwiftClient, SwiftRequest } from './client.ts';
import type { ClusterLimits } from './cluster-limits.ts';
import { type ObjectPlace, urlOf } from './object-url.ts';
import { unquoteEtag } from './object-state.ts';
import { SegmentReader } from './segment-reader.ts';

/** One piece of a static large object, as its manifest names it. */
interface Segment {
  /** `/container/name`, not encoded. */
  readonly path: string;
  readonly etag: string;
  readonly size_bytes: number;
}

export interface LargeObjectTarget {
  readonly client: SwiftClient;
  readonly place: ObjectPlace;
  readonly segmentContainer: string;
  readonly segmentSizeBytes: number;
  readonly createOnly: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What segments are made of where nothing says otherwise: 1 GiB, so that one that fails costs little. */
const USUAL_SEGMENT_BYTES = 1024 ** 3;
/** Segments of a failed upload are deleted even if the caller has stopped; it does not wait longer for it. */
const CLEANUP_TIMEOUT_MS = 30_000;

/** Above which size an object is stored in segments, and of which size. Throws `store.too-large` where even these do not suffice. */
export const planSegmentSize = (
  payloadBytes: number,
  limits: ClusterLimits,
  configuredBytes: number | undefined,
): number | undefined => {
  const single = Math.min(limits.maxObjectBytes, configuredBytes ?? limits.maxObjectBytes);
  if (payloadBytes <= single) return undefined;
  if (limits.largeObjects === undefined) {
    if (payloadBytes <= limits.maxObjectBytes) return undefined;
    throw new AppError(
      'store.too-large',
      `${payloadBytes} bytes; the cluster takes ${limits.maxObjectBytes} and has no large objects`,
    );
  }
  const { maxSegments } = limits.largeObjects;
  const wanted = configuredBytes ?? Math.min(USUAL_SEGMENT_BYTES, limits.maxObjectBytes);
  const sizeBytes = Math.max(Math.min(wanted, limits.maxObjectBytes), Math.ceil(payloadBytes / maxSegments));
  if (sizeBytes <= limits.maxObjectBytes) return sizeBytes;
  throw new AppError(
    'store.too-large',
    `${payloadBytes} bytes; the cluster takes ${maxSegments} segments of ${limits.maxObjectBytes}`,
  );
};

const uploadSegments = async (
  target: LargeObjectTarget,
  payload: Payload,
  begun: ObjectPlace[],
): Promise<Segment[]> => {
  const { client, place, segmentContainer, segmentSizeBytes, signal } = target;
  // As python-swiftclient names them, with a random number in the place of the file's time: no two uploads share any.
  const base = `${place.name}/slo/${randomBytes(12).toString('hex')}/${payload.sizeBytes}/${segmentSizeBytes}`;
  const segments: Segment[] = [];
  await using reader = new SegmentReader(openChecked(payload, urlOf(place), signal));
  for (let start = 0; start < payload.sizeBytes; start += segmentSizeBytes) {
    const sizeBytes = Math.min(segmentSizeBytes, payload.sizeBytes - start);
    const name = `${base}/${String(segments.length).padStart(8, '0')}`;
    const md5 = createHash('md5');
    const chunks = reader.take(sizeBytes, (chunk) => md5.update(chunk));
    begun.push({ container: segmentContainer, name });
    const request: SwiftRequest = {
      method: 'PUT',
      container: segmentContainer,
      name,
      headers: { 'content-type': 'application/swiftclient-segment' },
      body: { kind: 'once', sizeBytes, chunks },
      signal,
    };
    const answer = await client.sendText(request);
    const etag = md5.digest('hex');
    requireKept(answer.status, unquoteEtag(answer.headers['etag']), etag, urlOf({ container: segmentContainer, name }));
    segments.push({ path: `/${segmentContainer}/${name}`, etag, size_bytes: sizeBytes });
  }
  // Reading on to the end is what has the whole payload checked.
  await reader.expectEnd();
  return segments;
};

/** Only 201 with the digest of what was sent proves a write: 202 means that it was not kept. */
export const requireKept = (status: number, etag: string | undefined, expected: string, url: string): void => {
  if (status !== 201)
    throw new AppError('store.busy', `PUT ${url}: the cluster answered ${status}, so it has not kept the object`);
  if (etag !== expected)
    throw new AppError('store.corrupt', `PUT ${url}: the cluster holds ETag ${etag ?? '(none)'}; expected ${expected}`);
};

/** The segments' container is made when it is first needed, under the same policy as the documents'. */
const createSegmentContainer = async (target: LargeObjectTarget): Promise<void> => {
  const { client, place, segmentContainer: container, signal } = target;
  const { headers } = await client.sendText({ method: 'HEAD', container: place.container, signal });
  const policy = headers['x-storage-policy'];
  const existing = await client.exchangeText({ method: 'HEAD', container, signal });
  if (existing.ok) return;
  await client.sendText({
    method: 'PUT',
    container,
    ...(policy !== undefined && { headers: { 'x-storage-policy': policy } }),
    signal,
  });
};

/**
 * Removes segments that no manifest names any more, whatever became of the request that they were for. What fails is
 * passed over: the caller has an error of its own to tell, or an object that is whole without them.
 */
export const removeSegments = async (client: SwiftClient, segments: readonly ObjectPlace[]): Promise<void> => {
  const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
  await mapBounded(segments, 8, (place) =>
    client.exchangeText({ method: 'DELETE', ...place, signal }).catch(() => undefined),
  );
};

/** The manifest makes all segments visible at once. The cluster compares each with the digest that it names. */
const putManifest = async (target: LargeObjectTarget, segments: readonly Segment[]): Promise<void> => {
  const { client, place, createOnly, signal } = target;
  const etag = createHash('md5')
    .update(segments.map((segment) => segment.etag).join(''))
    .digest('hex');
  const request: SwiftRequest = {
    method: 'PUT',
    ...place,
    query: { 'multipart-manifest': 'put' },
    headers: {
      'content-type': 'application/octet-stream',
      'accept': 'application/json',
      ...(createOnly && { 'if-none-match': '*' }),
    },
    body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(segments)) },
    signal,
  };
  try {
    const answer = await client.sendText(request);
    requireKept(answer.status, unquoteEtag(answer.headers['etag']), etag, urlOf(place));
  } catch (error) {
    // An answer may be lost after the manifest was kept: then it stands, and its segments must stay.
    const answer = await client
      .exchangeText({ method: 'HEAD', ...place, signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS) })
      .catch(() => undefined);
    if (answer?.ok === true && unquoteEtag(answer.headers['etag']) === etag) return;
    throw error;
  }
};

/**
 * Stores a payload as a static large object: segments one after the other, then the manifest. The cluster's digest of each
 * segment, and of the manifest, prove all bytes. On failure, no segment stays; a manifest that arrives late is then refused
 * by the cluster, which looks for its segments.
 */
export const putLargeObject = async (target: LargeObjectTarget, payload: Payload): Promise<void> => {
  await createSegmentContainer(target);
  const begun: ObjectPlace[] = [];
  try {
    await putManifest(target, await uploadSegments(target, payload, begun));
  } catch (error) {
    await removeSegments(target.client, begun);
    throw error;
  }
};

const manifestSchema = z.array(z.object({ name: z.string() }));
const deletedSchema = z.object({ 'Response Status': z.string(), 'Errors': z.array(z.unknown()) });

const parseReport = <T>(schema: z.ZodType<T>, text: string, place: ObjectPlace): T => {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError(
      'store.failed',
      `${urlOf(place)}: the cluster's answer about its segments cannot be understood`,
      { cause },
    );
  }
};

/**
 * The segments that go with a static large object. None where any of them lies among the documents: a manifest can be
 * made of objects that are documents themselves, and then nothing but the manifest is its own.
 */
export const listOwnSegments = async (
  client: SwiftClient,
  place: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<ObjectPlace[]> => {
  const { text } = await client.sendText({ method: 'GET', ...place, query: { 'multipart-manifest': 'get' }, signal });
  const segments = parseReport(manifestSchema, text, place).map(({ name: path }): ObjectPlace => {
    const slash = path.indexOf('/', 1);
    return { container: path.slice(1, slash), name: path.slice(slash + 1) };
  });
  return segments.some(({ container }) => container === place.container) ? [] : segments;
};

/** Deletes a static large object with its segments. Throws where anything of it stays. */
export const deleteLargeObject = async (
  client: SwiftClient,
  place: ObjectPlace,
  signal: AbortSignal | undefined,
): Promise<void> => {
  if ((await listOwnSegments(client, place, signal)).length === 0) {
    await client.sendText({ method: 'DELETE', ...place, signal });
    return;
  }
  const request: SwiftRequest = {
    method: 'DELETE',
    ...place,
    query: { 'multipart-manifest': 'delete' },
    headers: { accept: 'application/json' },
    signal,
  };
  const { text } = await client.sendText(request);
  const report = parseReport(deletedSchema, text, place);
  if (!/^2\d\d\b/.test(report['Response Status']) || report.Errors.length > 0) {
    throw new AppError(
      'store.busy',
      `DELETE ${urlOf(place)}: ${report['Response Status']}; ${report.Errors.length} segments were not deleted`,
    );
  }
};
