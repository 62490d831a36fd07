import { AppError } from '../core/errors.ts';
import type { Database, Queryable } from '../database/database.ts';
import { takeTime } from './migration-store.ts';
import type { DeleteOutcome, Driver, ObjectRef } from '../drivers/contract.ts';

/** An object that this system's journal wrote or migrated, and that is to go. */
export interface Deletable {
  readonly seq: number;
  readonly ref: ObjectRef;
  /** Only an object with this digest is deleted. */
  readonly md5: string | null;
}

export interface DeletionGuard {
  readonly migrationId: number;
  /**
   * Rows with this URL name the object of the other store, which is current (rule R8): then rows cannot speak for this
   * store's objects.
   */
  readonly rowsNameOtherStore: boolean;
  /** Throws where this process no longer holds the migration lock: asked right before each request. */
  readonly stillOurs: () => Promise<void>;
}

export type Deletion<T extends Deletable> =
  | { readonly item: T; readonly outcome: 'deleted' | 'absent' }
  /** A row or a journal record still needs it, or it is no longer what was journalled: left as it is. */
  | {
      readonly item: T;
      readonly outcome: 'kept';
      readonly because: Need['because'] | 'changed';
      readonly error: AppError;
    }
  | { readonly item: T; readonly outcome: 'failed'; readonly error: AppError };

interface Need {
  /** `exception`: the row is one that this migration lists as not moved. */
  readonly because: 'row' | 'exception' | 'journal';
  readonly text: string;
}

/** Keys of one bulk request. */
const SLICE = 1_000;

/**
 * The one function that deletes anything from a store (rule R1): an object goes only if no metadata row resolves to it, no
 * unfinished journal record names it, and it still has the journalled digest (which the driver checks).
 */
export const deleteObjects = async <T extends Deletable>(
  db: Database,
  driver: Driver,
  guard: DeletionGuard,
  items: readonly T[],
  signal: AbortSignal,
): Promise<readonly Deletion<T>[]> => {
  if (items.length === 0) return [];
  const needed = await db.transaction(async (tx) => {
    await takeTime(tx);
    return findNeeded(tx, driver, guard, items);
  });
  const results: Deletion<T>[] = [];
  const allowed: T[] = [];
  for (const item of items) {
    const need = needed.get(item.seq);
    if (need === undefined) {
      allowed.push(item);
    } else {
      const error = new AppError('refused.not-clean', `${item.ref.url}: ${need.text}`);
      results.push({ item, outcome: 'kept', because: need.because, error });
    }
  }
  for (let start = 0; start < allowed.length; start += SLICE) {
    const slice = allowed.slice(start, start + SLICE);
    await guard.stillOurs();
    const outcomes = await driver.delete(
      slice.map(({ ref, md5 }) => ({ ref, md5: md5 ?? undefined })),
      signal,
    );
    slice.forEach((item, index) => results.push(judge(item, outcomes[index])));
  }
  return results;
};

/** In the words of the operator's guide. */
export const deletedLine = (ref: ObjectRef): string =>
  `Deleting document on source after successful migration to destination. Src = ${ref.url}`;

const judge = <T extends Deletable>(item: T, outcome: DeleteOutcome | undefined): Deletion<T> => {
  switch (outcome?.outcome) {
    case 'deleted':
    case 'absent':
      return { item, outcome: outcome.outcome };
    case 'changed':
      return {
        item,
        outcome: 'kept',
        because: 'changed',
        error: new AppError('refused.not-clean', `${item.ref.url}: it no longer holds what was migrated`),
      };
    case 'failed':
      return { item, outcome: 'failed', error: outcome.error };
    case undefined:
      return {
        item,
        outcome: 'failed',
        error: new AppError('internal', `${item.ref.url}: the driver gave no outcome`),
      };
  }
};

/** Why each of these objects must stay; those that may go are not in the map. */
const findNeeded = async (
  db: Queryable,
  driver: Driver,
  guard: DeletionGuard,
  items: readonly Deletable[],
): Promise<ReadonlyMap<number, Need>> => {
  const needed = new Map<number, Need>();
  const bySeq = new Map(items.map((item) => [item.seq, item]));
  const lists = [items.map((item) => item.seq), items.map((item) => item.ref.url)];
  // `db` tells documents apart by their full key; elsewhere the URL is the object.
  const keyed = driver.name === 'db';
  const sameObject = (seq: number, documentName: string): boolean =>
    !keyed || bySeq.get(seq)?.ref.key.documentName === documentName;
  if (!guard.rowsNameOtherStore) {
    const { rows } = await db.query<{ seq: number; name: string; who: string; listed: boolean }>(
      `SELECT u.seq, m."documentName" AS name, m."userId" || '/' || m.bucket || '/' || m."archiveId" AS who,
              EXISTS (SELECT 1 FROM archive_mover_document d
                       WHERE d.migration_id = $3 AND d.bucket = m.bucket AND d.archive_id = m."archiveId"
                         AND d.user_id = m."userId" AND d.document_name = m."documentName"
                         AND d.state IN ('failed', 'skipped')) AS listed
         FROM unnest($1::bigint[], $2::text[]) AS u(seq, url) JOIN archive_metadata m ON m.content_url = u.url`,
      [...lists, guard.migrationId],
    );
    for (const row of rows) {
      if (!sameObject(row.seq, row.name) || needed.get(row.seq)?.because === 'row') continue;
      needed.set(row.seq, { because: row.listed ? 'exception' : 'row', text: `the row of ${row.who} names it` });
    }
  }
  const { rows } = await db.query<{ seq: number; name: string; migration_id: number }>(
    `WITH u AS (SELECT * FROM unnest($1::bigint[], $2::text[]) AS u(seq, url)),
          open AS MATERIALIZED (
            SELECT d.migration_id, d.seq, d.document_name, d.src_url, d.dst_url
              FROM archive_mover_document d JOIN archive_mover_migration m ON m.id = d.migration_id
             WHERE m.phase IN ('copying', 'moving') AND d.state IN ('planned', 'copying', 'copied'))
     SELECT u.seq, open.document_name AS name, open.migration_id FROM u JOIN open ON open.dst_url = u.url
      WHERE NOT (open.migration_id = $3 AND open.seq = u.seq)
     UNION ALL
     SELECT u.seq, open.document_name AS name, open.migration_id FROM u JOIN open ON open.src_url = u.url
      WHERE NOT (open.migration_id = $3 AND open.seq = u.seq)`,
    [...lists, guard.migrationId],
  );
  for (const row of rows) {
    if (sameObject(row.seq, row.name) && !needed.has(row.seq)) {
      needed.set(row.seq, { because: 'journal', text: `unfinished migration ${row.migration_id} names it` });
    }
  }
  return needed;
};
