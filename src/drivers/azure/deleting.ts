import { createHash } from 'node:crypto';
import { isAppError, toAppError } from '../../core/errors.ts';
import type { DeleteItem, DeleteOutcome } from '../contract.ts';
import { mapLimited } from '../map-limited.ts';
import { type AzureClient, describe, withAbort } from './client.ts';
import { serviceCode } from './failure.ts';
import { type ObjectPlace, parsePlace } from './object-url.ts';
import { findObject, getObject } from './reading.ts';

const AT_ONCE = 16;

const readMd5 = async (client: AzureClient, place: ObjectPlace, signal: AbortSignal | undefined): Promise<string> => {
  const hash = createHash('md5');
  for await (const chunk of (await getObject(client, place, signal)).chunks) hash.update(chunk);
  return hash.digest('hex');
};

/** Deletes one blob; where an MD5 is given only in the state in which it was looked at, which the service compares itself. */
const deleteOne = async (
  client: AzureClient,
  { ref, md5 }: DeleteItem,
  signal: AbortSignal | undefined,
): Promise<DeleteOutcome> => {
  const place = parsePlace(ref.url);
  let etag: string | undefined;
  if (md5 !== undefined) {
    const info = await findObject(client, place, signal);
    if (info === undefined) return { outcome: 'absent' };
    if ((info.md5 ?? (await readMd5(client, place, signal))) !== md5) return { outcome: 'changed' };
    etag = info.etag;
  }
  const options = { ...withAbort(signal), ...(etag !== undefined && { conditions: { ifMatch: etag } }) };
  signal?.throwIfAborted();
  try {
    await client.blob(place).delete(options);
    return { outcome: 'deleted' };
  } catch (error) {
    if (serviceCode(error) === 'ConditionNotMet') return { outcome: 'changed' };
    throw client.errorOf(error, describe('DELETE', place), signal);
  }
};

/** Outcomes in the order of the items. */
export const deleteObjects = async (
  client: AzureClient,
  items: readonly DeleteItem[],
  signal: AbortSignal | undefined,
): Promise<readonly DeleteOutcome[]> =>
  mapLimited(items, AT_ONCE, async (item): Promise<DeleteOutcome> => {
    try {
      return await deleteOne(client, item, signal);
    } catch (error) {
      return isAppError(error, 'store.not-found')
        ? { outcome: 'absent' }
        : { outcome: 'failed', error: toAppError(error) };
    }
  });
