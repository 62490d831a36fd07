import { createHash, randomBytes } from 'node:crypto';
import { measureObject, payloadOf } from '../archive/payload.ts';
import type { Store } from '../archive/store.ts';
import { AppError } from '../core/errors.ts';
import type { DocumentKey, ObjectRef } from '../drivers/contract.ts';

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
  const { url } = await to.driver.put(key, payload, { mode: 'replace', signal });
  const ref = { key, url };
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => {
    const [outcome] = await to.driver.delete([{ ref, md5: payload.md5 }]);
    if (outcome?.outcome === 'failed') throw outcome.error;
  });
  const place = { key, url: from.driver.locate(key) };
  if (await holds(from, place, payload.md5, signal)) {
    throw new AppError(
      'refused.same-store',
      `source and destination are one store under two names: what is written to ${to.identity.description} appears in ${from.identity.description}`,
    );
  }
  return { sharedNamespace: from.driver.recognises(url) && (await holds(from, ref, payload.md5, signal)) };
};

/** Whether the store has an object there with this digest; what it cannot read, it does not have. */
const holds = async (store: Store, ref: ObjectRef, md5: string, signal: AbortSignal): Promise<boolean> => {
  try {
    return (await measureObject(store.driver, ref, false, signal)).md5 === md5;
  } catch (error) {
    if (error instanceof AppError && error.code.startsWith('store.')) return false;
    throw error;
  }
};
