import { z } from 'zod';
import { AppError, toAppError } from '../../core/errors.ts';
import type { DeleteOutcome } from '../contract.ts';
import { mapBounded } from '../http/map-bounded.ts';
import { codeOf, isAbsent, type SwiftFailure } from './failure.ts';
import { deleteLargeObject } from './large-objects.ts';
import { type ObjectPlace, pathOf, urlOf } from './object-url.ts';
import { findObject, measureMd5, type Reader } from './reading.ts';

/** A driver must not flood its store with the items of one call. */
const PARALLEL = 16;
/** Less is deleted one by one: a bulk request makes the cluster do the same work behind one answer. */
const BULK_FROM = 4;
/** So many are looked at before they are deleted: the fewer, the shorter the time in which one can change unseen. */
const BATCH_ITEMS = 100;

export interface Deletion {
  readonly reader: Reader;
  /** How many items one bulk request may have; undefined where the cluster has none. */
  readonly bulkItems: number | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface DeletionItem {
  readonly place: ObjectPlace;
  readonly md5: string | undefined;
}

/** What is to be done with an item after a look at it. */
type Plan = { readonly step: 'done'; readonly result: DeleteOutcome } | { readonly step: 'plain' | 'static' };

const done = (result: DeleteOutcome): Plan => ({ step: 'done', result });
const failed = (error: unknown): DeleteOutcome => ({ outcome: 'failed', error: toAppError(error) });

/** Swift has no conditional DELETE, so this is looked at just before. */
const planItem = async ({ reader, signal }: Deletion, { place, md5 }: DeletionItem): Promise<Plan> => {
  try {
    const state = await findObject(reader, place, signal);
    if (state === undefined) return done({ outcome: 'absent' });
    if (md5 !== undefined && md5 !== (state.md5 ?? (await measureMd5(reader, place, signal))))
      return done({ outcome: 'changed' });
    // A dynamic large object goes alone: what its segments are is only the word of a listing, and others may share them.
    return { step: state.kind === 'static' ? 'static' : 'plain' };
  } catch (error) {
    return done(failed(error));
  }
};

const deleteOne = async (
  { reader, signal }: Deletion,
  { place }: DeletionItem,
  step: 'plain' | 'static',
): Promise<DeleteOutcome> => {
  try {
    if (step === 'static') {
      await deleteLargeObject(reader.client, place, signal);
      return { outcome: 'deleted' };
    }
    const request = { method: 'DELETE', ...place, signal } as const;
    const answer = await reader.client.exchangeText(request);
    if (answer.ok) return { outcome: 'deleted' };
    if (!isAbsent(answer.failure)) throw reader.client.errorOf(answer.failure, request);
    await reader.containers.require(place.container, signal);
    return { outcome: 'absent' };
  } catch (error) {
    return failed(error);
  }
};

const reportSchema = z.object({ 'Response Status': z.string(), 'Errors': z.array(z.tuple([z.string(), z.string()])) });

/** `503 Service Unavailable` as a failure like any other. */
const failureOf = (status: string, requestId: string | undefined): SwiftFailure => ({
  status: Number.parseInt(status, 10) || 500,
  message: status,
  requestId,
  retryAfterMs: undefined,
});

/** Deletes plain objects by one request, whose answer is 200 whatever happened: its report names what failed. */
const deleteInBulk = async ({ reader, signal }: Deletion, items: readonly DeletionItem[]): Promise<DeleteOutcome[]> => {
  const paths = items.map(({ place }) => pathOf(place.container, place.name));
  const request = {
    method: 'POST',
    query: { 'bulk-delete': '1' },
    headers: { 'content-type': 'text/plain', 'accept': 'application/json' },
    body: { kind: 'bytes', bytes: Buffer.from(`${paths.join('\n')}\n`) },
    signal,
  } as const;
  const { text, headers } = await reader.client.sendText(request);
  const parsed = reportSchema.safeParse(parseJson(text));
  if (!parsed.success)
    throw new AppError('store.failed', 'the answer to a bulk delete cannot be understood', { cause: parsed.error });
  const { 'Response Status': status, 'Errors': errors } = parsed.data;
  const failures = new Map(errors.map(([path, said]) => [comparable(path), failureOf(said, headers['x-trans-id'])]));
  // Errors that name none of ours are of the request as a whole: then nothing is known of any.
  const known = new Set(paths.map(comparable));
  if ((!/^2\d\d\b/.test(status) && errors.length === 0) || [...failures.keys()].some((path) => !known.has(path))) {
    throw new AppError('store.busy', `the cluster did not delete in bulk: ${status}`);
  }
  return items.map(({ place }, index) => {
    const failure = failures.get(comparable(paths[index] ?? ''));
    if (failure === undefined) return { outcome: 'deleted' };
    const code = codeOf(failure);
    const error = new AppError(code, `DELETE ${urlOf(place)}: ${failure.message}`);
    return { outcome: 'failed', error };
  });
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Paths come back encoded by another rule. */
const comparable = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

const deletePlain = async (deletion: Deletion, items: readonly DeletionItem[]): Promise<DeleteOutcome[]> => {
  const { bulkItems } = deletion;
  if (bulkItems === undefined || items.length < BULK_FROM) {
    return mapBounded(items, PARALLEL, (item) => deleteOne(deletion, item, 'plain'));
  }
  const outcomes: DeleteOutcome[] = [];
  for (let start = 0; start < items.length; start += bulkItems) {
    const batch = items.slice(start, start + bulkItems);
    outcomes.push(...(await deleteInBulk(deletion, batch).catch((error: unknown) => batch.map(() => failed(error)))));
  }
  return outcomes;
};

/** Deletes objects, large ones with their segments. Results stand in the order of the items. */
export const deleteObjects = async (deletion: Deletion, items: readonly DeletionItem[]): Promise<DeleteOutcome[]> => {
  const outcomes: DeleteOutcome[] = [];
  for (let start = 0; start < items.length; start += BATCH_ITEMS) {
    outcomes.push(...(await deleteBatch(deletion, items.slice(start, start + BATCH_ITEMS))));
  }
  return outcomes;
};

const deleteBatch = async (deletion: Deletion, items: readonly DeletionItem[]): Promise<DeleteOutcome[]> => {
  const plans = await mapBounded(items, PARALLEL, (item) => planItem(deletion, item));
  const withStep = (step: Plan['step']): number[] => [...items.keys()].filter((index) => plans[index]?.step === step);
  const results = plans.map((plan): DeleteOutcome | undefined => (plan.step === 'done' ? plan.result : undefined));
  const itemsAt = (indexes: readonly number[]): DeletionItem[] => indexes.flatMap((index) => items[index] ?? []);
  const plain = withStep('plain');
  const outcomes = await deletePlain(deletion, itemsAt(plain));
  for (const [position, index] of plain.entries()) results[index] = outcomes[position];
  const large = withStep('static');
  const largeOutcomes = await mapBounded(itemsAt(large), 2, (item) => deleteOne(deletion, item, 'static'));
  for (const [position, index] of large.entries()) results[index] = largeOutcomes[position];
  return results.map((result) => result ?? failed(new AppError('internal', 'an item of a deletion was lost')));
};
