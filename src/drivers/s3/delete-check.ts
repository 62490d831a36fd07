import { createHash } from 'node:crypto';
import { isAppError, toAppError } from '../../core/errors.ts';
import type { DeleteOutcome } from '../contract.ts';
import type { S3Client } from './client.ts';
import type { ObjectPlace } from './object-url.ts';
import { getObject, headObject, type ReadContext } from './read-object.ts';

export interface DeleteContext {
  readonly client: S3Client;
  readonly reading: ReadContext;
  readonly knownBuckets: Set<string>;
  readonly signsBodies: boolean;
  /** What was learnt of the store: whether it refuses requests that name the entity tag of what is to be deleted. */
  readonly learnt: { refusesEtags: boolean };
  readonly signal: AbortSignal | undefined;
}

/** Whether an object may go, and then the entity tag of what was looked at, where it has one. */
export type Verdict =
  | { readonly mayGo: true; readonly etag: string | undefined }
  | { readonly mayGo: false; readonly outcome: DeleteOutcome };

export const failed = (error: unknown): DeleteOutcome => ({ outcome: 'failed', error: toAppError(error) });

const readMd5 = async (context: DeleteContext, place: ObjectPlace): Promise<string> => {
  const hash = createHash('md5');
  for await (const chunk of (await getObject(context.reading, place, context.signal)).chunks) hash.update(chunk);
  return hash.digest('hex');
};

/**
 * Looks whether an object is there and has the MD5 that it is expected to have. S3 answers a deletion of what was never
 * there as one of what was, so only a HEAD before can tell.
 */
export const checkObject = async (
  context: DeleteContext,
  place: ObjectPlace,
  md5: string | undefined,
): Promise<Verdict> => {
  try {
    const info = await headObject(context.client, place, context.knownBuckets, context.signal);
    if (info === undefined) return { mayGo: false, outcome: { outcome: 'absent' } };
    if (md5 === undefined) return { mayGo: true, etag: undefined };
    if (info.md5 === md5) return { mayGo: true, etag: info.etag };
    // The entity tag may be another digest than the MD5 (encryption, several parts): then the bytes decide. Such a tag is
    // no condition: Swift compares it with something else, and says that the object has changed.
    const same = (await readMd5(context, place)) === md5;
    return same ? { mayGo: true, etag: undefined } : { mayGo: false, outcome: { outcome: 'changed' } };
  } catch (error) {
    const absent = isAppError(error, 'store.not-found');
    return { mayGo: false, outcome: absent ? { outcome: 'absent' } : failed(error) };
  }
};
