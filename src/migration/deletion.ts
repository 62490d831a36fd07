import { AppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import type { Chunk } from './claims.ts';
import type { DocumentRecord } from './document-record.ts';
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
  | { readonly item: T; readonly outcome: 'deleted' | 'absent'; readonly attempts: number }
  /** A row or a journal record still needs it, or it is no longer what was journalled: left as it is. */
  | {
      readonly item: T;
      readonly outcome: 'kept';
      readonly because: Need['because'] | 'changed';
      readonly error: AppError;
    }
  | { readonly item: T; readonly outcome: 'failed'; readonly error: AppError };

interface Need {
  /**
   * `exception`: the row is one that this migration lists as not moved; `unswitched`: one that names the same object, and
   * that it has yet to switch (`--move`).
   */
  readonly because: 'row' | 'exception' | 'unswitched' | 'journal';
  readonly text: string;
}

/** Keys of one bulk request. */
const SLICE = 1_000;

/** Which of these objects must stay, by `seq`: those that may go are not in it. */
export type NeededObjects = ReadonlyMap<number, Need>;

/**
 * The one function that deletes anything from a store (rule R1): an object goes only if no metadata row resolves to it, no
 * unfinished journal record names it, and it still has the journalled digest (which the driver checks). `needed`: what
 * `findNeededOfRange` has just found for a range that these items belong to.
 */
export const deleteObjects = async <T extends Deletable>(
  db: Database,
  driver: Driver,
  guard: DeletionGuard,
  items: readonly T[],
  signal: AbortSignal,
  found?: NeededObjects,
): Promise<readonly Deletion<T>[]> => {
  if (items.length === 0) return [];
  const needed = found ?? (await findNeededOf(db, driver, guard, items));
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

/** Whether no request for it can still be under way (rule R9): none was sent, or the only one was answered. */
const isSettled = (deletion: Deletion<Deletable>): boolean => {
  switch (deletion.outcome) {
    case 'deleted':
    case 'absent':
      return deletion.attempts === 1;
    case 'kept':
      return deletion.because !== 'changed';
    case 'failed':
      return false;
  }
};

/**
 * Of which documents a request to delete may still be under way (rule R9): those whose deletion is not settled, and those of
 * which it was not known before this one either.
 */
export const findUncertain = (
  documents: readonly Pick<DocumentRecord, 'seq' | 'deleteUnsettled'>[],
  deletions: readonly Deletion<Deletable>[],
): ReadonlySet<number> =>
  new Set([
    ...documents.filter((document) => document.deleteUnsettled).map(({ seq }) => seq),
    ...deletions.filter((deletion) => !isSettled(deletion)).map(({ item }) => item.seq),
  ]);

/** In the words of the operator's guide. */
export const deletedLine = (ref: ObjectRef): string =>
  `Deleting document on source after successful migration to destination. Src = ${ref.url}`;

const judge = <T extends Deletable>(item: T, outcome: DeleteOutcome | undefined): Deletion<T> => {
  switch (outcome?.outcome) {
    case 'deleted':
    case 'absent':
      return { item, outcome: outcome.outcome, attempts: outcome.attempts ?? 1 };
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

/** Asks for these objects alone. */
const findNeededOf = (
  db: Database,
  driver: Driver,
  guard: DeletionGuard,
  items: readonly Deletable[],
): Promise<NeededObjects> => {
  const columns = [
    items.map((item) => item.seq),
    items.map((item) => item.ref.url),
    items.map((item) => item.ref.key.documentName),
  ];
  return findNeeded(
    db,
    driver,
    guard,
    'SELECT * FROM unnest($2::bigint[], $3::text[], $4::text[]) AS u(seq, url, name)',
    columns,
  );
};

/**
 * Asks for all source objects of a migration that lie in a range of its journal and are to be cleaned, at once: each question
 * goes through the whole of `archive_metadata`, however few objects it is about.
 */
export const findNeededOfRange = (
  db: Database,
  driver: Driver,
  guard: DeletionGuard,
  range: Chunk,
): Promise<NeededObjects> =>
  findNeeded(
    db,
    driver,
    guard,
    `SELECT seq, src_url AS url, document_name AS name FROM archive_mover_document
      WHERE migration_id = $1 AND seq BETWEEN $2 AND $3 AND state IN ('switched', 'cleaning') AND NOT foreign_source`,
    [range.firstSeq, range.lastSeq],
  );

/** `objects`: SQL that gives `seq`, `url` and the document's `name`; `$1` is the migration, `values` follow. */
const findNeeded = (
  db: Database,
  driver: Driver,
  guard: DeletionGuard,
  objects: string,
  values: readonly unknown[],
): Promise<NeededObjects> =>
  db.transaction(async (tx) => {
    await takeTime(tx);
    const needed = new Map<number, Need>();
    const parameters = [guard.migrationId, ...values];
    // `db` tells documents apart by their full key; elsewhere the URL is the object.
    const isSame = driver.name === 'db' ? 'u.name = ' : 'true OR u.name = ';
    if (!guard.rowsNameOtherStore) {
      const { rows } = await tx.query<{ seq: number; who: string; state: 'exception' | 'unswitched' | null }>(
        `WITH u AS MATERIALIZED (${objects})
         SELECT u.seq, m."userId" || '/' || m.bucket || '/' || m."archiveId" AS who,
                (SELECT CASE WHEN d.state IN ('failed', 'skipped') THEN 'exception'
                             WHEN d.state IN ('planned', 'copying', 'copied') AND d.src_url = u.url THEN 'unswitched' END
                   FROM archive_mover_document d
                  WHERE d.migration_id = $1 AND d.bucket = m.bucket AND d.archive_id = m."archiveId"
                    AND d.user_id = m."userId" AND d.document_name = m."documentName") AS state
           FROM u JOIN archive_metadata m ON m.content_url = u.url WHERE ${isSame} m."documentName"`,
        parameters,
      );
      for (const row of rows) {
        if (needed.get(row.seq)?.because === 'row') continue;
        needed.set(row.seq, { because: row.state ?? 'row', text: `the row of ${row.who} names it` });
      }
    }
    const unfinished = await tx.query<{ id: number }>(
      `SELECT id FROM archive_mover_migration WHERE phase IN ('copying', 'moving')`,
    );
    if (unfinished.count === 0) return needed;
    const { rows } = await tx.query<{ seq: number; migration_id: number }>(
      `WITH u AS MATERIALIZED (${objects}),
            open AS MATERIALIZED (
              SELECT d.migration_id, d.seq, d.document_name, d.src_url, d.dst_url FROM archive_mover_document d
               WHERE d.migration_id = ANY ($${parameters.length + 1}::integer[]) AND d.state IN ('planned', 'copying', 'copied'))
       SELECT u.seq, open.migration_id FROM u JOIN open ON open.dst_url = u.url
        WHERE NOT (open.migration_id = $1 AND open.seq = u.seq) AND (${isSame} open.document_name)
       UNION ALL
       SELECT u.seq, open.migration_id FROM u JOIN open ON open.src_url = u.url
        WHERE NOT (open.migration_id = $1 AND open.seq = u.seq) AND (${isSame} open.document_name)`,
      [...parameters, unfinished.rows.map(({ id }) => id)],
    );
    for (const row of rows) {
      if (!needed.has(row.seq)) {
        needed.set(row.seq, { because: 'journal', text: `unfinished migration ${row.migration_id} names it` });
      }
    }
    return needed;
  });
