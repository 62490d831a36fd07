import { type AppError, isAppError, toAppError } from '../../core/errors.ts';
import type { BulkResult } from '../contract.ts';

export const wrapAll = <T>(values: readonly T[]): readonly BulkResult<T>[] =>
  values.map((value) => ({ ok: true, value }));

/** Errors that one row can cause for all the others of its statement. */
const isCausedByOneRow = (error: AppError): boolean =>
  isAppError(error, 'database.failed', 'store.corrupt', 'internal');

/** All at once; where that fails and one of them may be why, one by one. A failure of all is each one's. */
export const eachOrAll = async <Item, T>(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (items: readonly Item[]) => Promise<readonly BulkResult<T>[]>,
): Promise<readonly BulkResult<T>[]> => {
  if (items.length === 0) return [];
  signal?.throwIfAborted();
  try {
    return await work(items);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (items.length === 1 || !isCausedByOneRow(error)) return items.map(() => ({ ok: false, error }));
    const results: BulkResult<T>[] = [];
    for (const item of items) results.push(...(await eachOrAll([item], signal, work)));
    return results;
  }
};
