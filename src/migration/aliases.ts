import { createHash, randomBytes } from 'node:crypto';
import { measureObject, payloadOf } from '../archive/payload.ts';
import type { Store } from '../archive/store.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, ObjectRef, Payload } from '../drivers/contract.ts';

export interface Relation {
  /** Equal URLs name equal objects in both stores: the same endpoint or machine, whatever it was called. */
  readonly sharedNamespace: boolean;
}

/**
 * Whether two configurations reach one store by different names (rule R2): writes a marker with random content through
 * the destination, looks for it through the source, and removes it. Its key is the same in every run, so that a marker
 * left by a kill is found and removed by the next. Throws `refused.same-store`.
 */
export const relateStores = async (from: Store, to: Store, signal: AbortSignal): Promise<Relation> => {
  const pair = createHash('sha256').update(`${from.identity.fingerprint}\n${to.identity.fingerprint}`).digest('hex');
  const archiveId = `marker-${pair.slice(0, 32)}`;
  const key: DocumentKey = {
    userId: 'anchore-manager',
    bucket: 'marker',
    archiveId,
    documentName: `${archiveId}.json`,
  };
  const payload = payloadOf(Buffer.from(JSON.stringify({ document: randomBytes(24).toString('hex') })));
  const ref = { key, url: to.driver.locate(key) };
  try {
    const relation = await compareStores(from, to, ref, payload, signal);
    await removeMarker(to, ref);
    return relation;
  } catch (error) {
    await removeMarker(to, ref).catch(() => {}); // the first error says more; the next run removes what stays
    throw error;
  }
};

const compareStores = async (
  from: Store,
  to: Store,
  ref: ObjectRef,
  payload: Payload,
  signal: AbortSignal,
): Promise<Relation> => {
  await to.driver.put(ref.key, payload, { mode: 'replace', signal });
  // A marker that was damaged would be found in neither store, and two names of one store would pass for two stores.
  if ((await digestOf(to, ref, signal)) !== payload.md5) {
    throw new AppError('store.corrupt', `${ref.url}: the destination does not give back what was just written to it`);
  }
  const place = { key: ref.key, url: from.driver.locate(ref.key) };
  if (await holds(from, place, payload.md5, signal)) {
    throw new AppError(
      'refused.same-store',
      `source and destination are one store under two names: what is written to ${to.identity.description} appears in ${from.identity.description}`,
    );
  }
  return { sharedNamespace: from.driver.recognises(ref.url) && (await holds(from, ref, payload.md5, signal)) };
};

/** Whatever stands under the marker's name is a marker, also one that was damaged or written by a killed run. */
const removeMarker = async (to: Store, ref: ObjectRef): Promise<void> => {
  const [outcome] = await to.driver.delete([{ ref, md5: undefined }]);
  if (outcome?.outcome === 'failed') throw outcome.error;
};

const digestOf = async (store: Store, ref: ObjectRef, signal: AbortSignal): Promise<string> =>
  (await measureObject(store.driver, ref, false, signal)).md5;

/** Whether the store has an object there with this digest; what it cannot read, it does not have. */
const holds = async (store: Store, ref: ObjectRef, md5: string, signal: AbortSignal): Promise<boolean> => {
  try {
    return (await digestOf(store, ref, signal)) === md5;
  } catch (error) {
    if (error instanceof AppError && error.code.startsWith('store.')) return false;
    throw error;
  }
};
