import { AppError } from '../../core/errors.ts';
import type { DeleteItem, DeleteOutcome } from '../contract.ts';
import { mapBounded } from '../http/map-bounded.ts';
import { md5Base64 } from './checksum.ts';
import type { S3Request } from './client.ts';
import { checkObject, type DeleteContext, failed } from './delete-check.ts';
import { isUnsupported, type S3Failure } from './failure.ts';
import { type ObjectPlace, parsePlace } from './object-url.ts';
import { bodyOf } from './put-object.ts';
import { childText, childrenNamed, escapeXml, fitsXml, parseXml } from './xml.ts';

/** What S3 takes in one DeleteObjects request. */
const MAX_KEYS = 1000;
const HEADS_AT_ONCE = 16;

interface Candidate {
  readonly place: ObjectPlace;
  /**
   * What the object must still be when it is deleted. A store that does not know such a condition passes over it; then
   * nothing protects against a change between the look at the object and its end, as with every older S3.
   */
  readonly etag: string | undefined;
  /** The positions in the caller's list that this object answers. */
  readonly positions: number[];
}

/** What a store's code for one key means; undefined: an error. */
const outcomeByCode = (code: string): DeleteOutcome | undefined => {
  if (code === 'NoSuchKey') return { outcome: 'absent' };
  return code === 'PreconditionFailed' ? { outcome: 'changed' } : undefined;
};

const deleteOne = async (context: DeleteContext, candidate: Candidate): Promise<DeleteOutcome> => {
  const { client, learnt, signal } = context;
  const { place, etag } = candidate;
  const conditional = etag !== undefined && !learnt.refusesEtags;
  const headers = conditional ? { 'if-match': etag } : {};
  const request: S3Request = { operation: 'DeleteObject', method: 'DELETE', ...place, headers, signal };
  try {
    const answer = await client.exchange(request);
    if (answer.ok) {
      await answer.body.dump();
      return { outcome: 'deleted' };
    }
    if (conditional && isUnsupported(answer.failure)) {
      learnt.refusesEtags = true;
      return await deleteOne(context, candidate);
    }
    const { code, status } = answer.failure;
    const outcome = outcomeByCode(code === '' && status === 412 ? 'PreconditionFailed' : code);
    if (outcome === undefined) throw client.errorOf(answer.failure, request);
    return outcome;
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
  group: readonly Candidate[],
): Promise<ReadonlyMap<string, DeleteOutcome> | undefined> => {
  const conditional = !context.learnt.refusesEtags && group.some(({ etag }) => etag !== undefined);
  const objects = group.map(({ place, etag }) => {
    const condition = conditional && etag !== undefined ? `<ETag>${escapeXml(etag)}</ETag>` : '';
    return `<Object><Key>${escapeXml(place.key)}</Key>${condition}</Object>`;
  });
  const body = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects.join('')}</Delete>`,
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
    // Some check the request against the schema of before there was such a condition.
    if (conditional && answer.failure.code === 'MalformedXML') {
      context.learnt.refusesEtags = true;
      return deleteBatch(context, bucket, group);
    }
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
    const outcome = outcomeByCode(code) ?? failed(context.client.errorOf(failure, { ...request, key }));
    outcomes.set(key, outcome);
  }
  return outcomes;
};

const deleteGroup = async (
  context: DeleteContext,
  bucket: string,
  group: readonly Candidate[],
): Promise<readonly DeleteOutcome[]> => {
  const one = (candidate: Candidate): Promise<DeleteOutcome> => deleteOne(context, candidate);
  if (group.length === 1) return mapBounded(group, 1, one);
  try {
    const outcomes = await deleteBatch(context, bucket, group);
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
  const verdicts = await mapBounded(items, HEADS_AT_ONCE, async ({ ref, md5 }) => {
    try {
      return await checkObject(context, parsePlace(ref.url), md5);
    } catch (error) {
      return { mayGo: false, outcome: failed(error) } as const;
    }
  });
  const outcomes: (DeleteOutcome | undefined)[] = [];
  const candidates = new Map<string, Candidate>();
  for (const [position, verdict] of verdicts.entries()) {
    const url = items[position]?.ref.url ?? '';
    const known = candidates.get(url);
    if (!verdict.mayGo) outcomes[position] = verdict.outcome;
    else if (known !== undefined) known.positions.push(position);
    else candidates.set(url, { place: parsePlace(url), etag: verdict.etag, positions: [position] });
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
  return items.map(
    (_, position) =>
      outcomes[position] ?? failed(new AppError('internal', 'an object was neither deleted nor refused')),
  );
};
