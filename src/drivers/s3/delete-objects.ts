import { createHash } from 'node:crypto';
import { AppError, isAppError, toAppError } from '../../core/errors.ts';
import type { DeleteItem, DeleteOutcome } from '../contract.ts';
import { mapBounded } from '../http/map-bounded.ts';
import { md5Base64 } from './checksum.ts';
import type { S3Client, S3Request } from './client.ts';
import { isUnsupported, type S3Failure } from './failure.ts';
import { type ObjectPlace, parsePlace } from './object-url.ts';
import { bodyOf } from './put-object.ts';
import { getObject, headObject } from './read-object.ts';
import { childText, childrenNamed, escapeXml, fitsXml, parseXml } from './xml.ts';

/** What S3 takes in one DeleteObjects request. */
const MAX_KEYS = 1000;
const HEADS_AT_ONCE = 16;

export interface DeleteContext {
  readonly client: S3Client;
  readonly knownBuckets: Set<string>;
  readonly signsBodies: boolean;
  readonly signal: AbortSignal | undefined;
}

interface Candidate {
  readonly place: ObjectPlace;
  /** The positions in the caller's list that this object answers. */
  readonly positions: number[];
}

const failed = (error: unknown): DeleteOutcome => ({ outcome: 'failed', error: toAppError(error) });

const readMd5 = async (context: DeleteContext, place: ObjectPlace): Promise<string> => {
  const hash = createHash('md5');
  for await (const chunk of (await getObject(context.client, place, context.signal)).chunks) hash.update(chunk);
  return hash.digest('hex');
};

/**
 * Whether the object may go: undefined, or the outcome where it may not. S3 answers a deletion of what was never there
 * as one of what was, so only a HEAD before can tell.
 */
const judge = async (
  context: DeleteContext,
  place: ObjectPlace,
  md5: string | undefined,
): Promise<DeleteOutcome | undefined> => {
  try {
    const info = await headObject(context.client, place, context.knownBuckets, context.signal);
    if (info === undefined) return { outcome: 'absent' };
    if (md5 === undefined || info.md5 === md5) return undefined;
    // The entity tag may be another digest than the MD5 (encryption, several parts): then the bytes decide.
    return (await readMd5(context, place)) === md5 ? undefined : { outcome: 'changed' };
  } catch (error) {
    return isAppError(error, 'store.not-found') ? { outcome: 'absent' } : failed(error);
  }
};

const deleteOne = async (context: DeleteContext, place: ObjectPlace): Promise<DeleteOutcome> => {
  const request: S3Request = { operation: 'DeleteObject', method: 'DELETE', ...place, signal: context.signal };
  try {
    const answer = await context.client.exchange(request);
    if (!answer.ok) {
      if (answer.failure.code === 'NoSuchKey') return { outcome: 'absent' };
      throw context.client.errorOf(answer.failure, request);
    }
    await answer.body.dump();
    return { outcome: 'deleted' };
  } catch (error) {
    return failed(error);
  }
};

const failureOf = (code: string, message: string): S3Failure => ({
  status: 200,
  code,
  message,
  requestId: undefined,
  region: undefined,
  retryAfterMs: undefined,
});

/** Outcomes by key; a key that the answer does not name is missing. undefined: the store has no such operation. */
const deleteBatch = async (
  context: DeleteContext,
  bucket: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, DeleteOutcome> | undefined> => {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('');
  const body = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects}</Delete>`,
  );
  const request: S3Request = {
    operation: 'DeleteObjects',
    method: 'POST',
    bucket,
    query: { delete: '' },
    headers: { 'content-md5': md5Base64(body), 'content-type': 'application/xml' },
    body: bodyOf(body, context.signsBodies),
    signal: context.signal,
  };
  const answer = await context.client.exchange(request);
  if (!answer.ok) {
    if (isUnsupported(answer.failure)) return undefined;
    throw context.client.errorOf(answer.failure, request);
  }
  const result = parseXml(await context.client.readText(answer.body, request));
  if (result.name !== 'DeleteResult')
    throw new AppError('store.failed', `DeleteObjects s3://${bucket}: got ${result.name}`);
  const outcomes = new Map<string, DeleteOutcome>();
  for (const entry of childrenNamed(result, 'Deleted'))
    outcomes.set(childText(entry, 'Key') ?? '', { outcome: 'deleted' });
  for (const entry of childrenNamed(result, 'Error')) {
    const key = childText(entry, 'Key') ?? '';
    const code = childText(entry, 'Code') ?? '';
    const failure = failureOf(code, childText(entry, 'Message') ?? '');
    const outcome =
      code === 'NoSuchKey'
        ? ({ outcome: 'absent' } as const)
        : failed(context.client.errorOf(failure, { ...request, key }));
    outcomes.set(key, outcome);
  }
  return outcomes;
};

const deleteGroup = async (
  context: DeleteContext,
  bucket: string,
  group: readonly Candidate[],
): Promise<readonly DeleteOutcome[]> => {
  const one = ({ place }: Candidate): Promise<DeleteOutcome> => deleteOne(context, place);
  if (group.length === 1) return mapBounded(group, 1, one);
  try {
    const outcomes = await deleteBatch(
      context,
      bucket,
      group.map(({ place }) => place.key),
    );
    // What the answer leaves out (a key that its XML could not hold, or no such operation) is deleted singly.
    return await mapBounded(
      group,
      HEADS_AT_ONCE,
      async (candidate) => outcomes?.get(candidate.place.key) ?? one(candidate),
    );
  } catch (error) {
    return group.map(() => failed(error));
  }
};

const chunksOf = <T>(items: readonly T[], size: number): readonly T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

/** Deletes objects of any buckets, each only with the MD5 that it is expected to have. Outcomes in the order of the items. */
export const deleteObjects = async (
  context: DeleteContext,
  items: readonly DeleteItem[],
): Promise<readonly DeleteOutcome[]> => {
  const outcomes: (DeleteOutcome | undefined)[] = await mapBounded(items, HEADS_AT_ONCE, async ({ ref, md5 }) => {
    try {
      return await judge(context, parsePlace(ref.url), md5);
    } catch (error) {
      return failed(error);
    }
  });
  const candidates = new Map<string, Candidate>();
  for (const [position, { ref }] of items.entries()) {
    if (outcomes[position] !== undefined) continue;
    const known = candidates.get(ref.url);
    if (known === undefined) candidates.set(ref.url, { place: parsePlace(ref.url), positions: [position] });
    else known.positions.push(position);
  }
  const byBucket = Map.groupBy(candidates.values(), ({ place }) => (fitsXml(place.key) ? place.bucket : ''));
  for (const [bucket, members] of byBucket) {
    // Keys that XML cannot hold stand under no bucket.
    const groups = chunksOf(members, bucket === '' ? 1 : MAX_KEYS);
    const results = await mapBounded(groups, 4, (group) => deleteGroup(context, bucket, group));
    const flat = results.flat();
    for (const [index, candidate] of members.entries()) {
      const outcome = flat[index];
      for (const position of candidate.positions) outcomes[position] = outcome;
    }
  }
  return outcomes.map(
    (outcome) => outcome ?? failed(new AppError('internal', 'an object was neither deleted nor refused')),
  );
};
