import type { Store } from '../archive/store.ts';
import type { Database } from '../database/database.ts';
import { throwIfInterrupted } from './copy.ts';

/**
 * For what a migration keeps an object that no row names:
 * - `source`: for a rollback, until it is cleaned; `cleaning`, `moving`: no longer for a rollback, only not deleted yet;
 *   `undone`: it is a rollback, and these are the copies that it has undone;
 * - `unfinished`: copies that it goes on with; `ended`: copies of one that was ended before its switch.
 */
export type KeptAs = 'source' | 'cleaning' | 'moving' | 'undone' | 'unfinished' | 'ended';

/** Objects that no row names, and that a migration still keeps. */
export interface Kept {
  readonly migrationId: number;
  readonly as: KeptAs;
  readonly objects: number;
  /** What uses them and what removes them. */
  readonly text: string;
}

export interface Orphan {
  readonly url: string;
  readonly text: string;
}

export interface OrphanSearch {
  readonly store: Store;
  /** Whether there is a journal to be asked. */
  readonly hasJournal: boolean;
  readonly report: (orphan: Orphan) => void;
  readonly signal: AbortSignal;
}

interface UnnamedRow {
  url: string;
  migration_id: number | null;
  undoes: number | null;
  kept_as: KeptAs | null;
  written: boolean | null;
}

/** URLs that are asked for together: each question goes through the journal and the archive. */
const PAGE = 10_000;

/** Lists the store, and reports each object that no row names and no migration keeps. */
export const findOrphans = async (db: Database, search: OrphanSearch): Promise<readonly Kept[]> => {
  const { store, signal } = search;
  const kept = new Map<string, Kept>();
  let urls: string[] = [];
  const check = async (): Promise<void> => {
    const { rows } = await db.query<UnnamedRow>(search.hasJournal ? UNNAMED_WITH_JOURNAL : UNNAMED, [
      urls,
      ...(search.hasJournal ? [store.identity.fingerprint] : []),
    ]);
    urls = [];
    for (const row of rows) {
      const { migration_id: migrationId, kept_as: as } = row;
      if (migrationId === null || as === null) {
        search.report({ url: row.url, text: describeOrphan(row) });
        continue;
      }
      const key = `${migrationId} ${as}`;
      const objects = (kept.get(key)?.objects ?? 0) + 1;
      kept.set(key, { migrationId, as, objects, text: describeKept(as, migrationId, row.undoes) });
    }
  };
  for await (const object of store.driver.list(signal)) {
    throwIfInterrupted(signal);
    urls.push(object.url);
    if (urls.length >= PAGE) await check();
  }
  if (urls.length > 0) await check();
  return [...kept.values()].toSorted((one, other) => one.migrationId - other.migrationId);
};

const describeKept = (as: KeptAs, id: number, undoes: number | null): string => {
  switch (as) {
    case 'source':
      return `the source of migration ${id}: rollback ${id} needs them, clean ${id} deletes them`;
    case 'cleaning':
      return `the source of migration ${id}, whose cleaning has begun: clean ${id} deletes them`;
    case 'moving':
      return `the source of migration ${id}, which moves batch by batch: resume ${id} deletes them`;
    case 'undone':
      return `copies of migration ${undoes ?? id}, which was rolled back: rollback ${undoes ?? id} --delete-copies deletes them`;
    case 'unfinished':
      return `copies of migration ${id}, which is unfinished: resume ${id} goes on with them, rollback ${id} --delete-copies deletes them`;
    case 'ended':
      return `copies of migration ${id}, which was ended before its switch: rollback ${id} --delete-copies deletes them`;
  }
};

const ADVICE =
  "nothing reads it; where nothing else than this archive uses the store, delete it with the store's own tools";

const describeOrphan = ({ migration_id: id, written }: UnnamedRow): string => {
  const origin =
    id === null
      ? ''
      : written === true
        ? ` (migration ${id} wrote it; its document has been deleted or moved on since)`
        : ` (migration ${id} moved its document away)`;
  return `no row of the archive names this object, and no migration keeps it${origin}: ${ADVICE}`;
};

const UNNAMED_URLS = `
  SELECT u.url FROM unnest($1::text[]) AS u(url)
   WHERE NOT EXISTS (SELECT 1 FROM archive_metadata m WHERE m.content_url = u.url)`;

const UNNAMED = `
  SELECT u.url, NULL::integer AS migration_id, NULL::integer AS undoes, NULL::text AS kept_as, NULL::boolean AS written
    FROM (${UNNAMED_URLS}) u`;

/**
 * A later migration has brought documents of this bucket to the store again: what an earlier one has left there is no longer
 * what anything goes back to. Other buckets may be another archive, which has its own way.
 */
const SUPERSEDED = `EXISTS (
  SELECT 1 FROM g l
   WHERE l.id > g.id AND l.is_destination AND l.switched AND l.phase <> 'rolled-back'
     AND (jsonb_typeof(l.chosen) = 'null' OR l.chosen ? d.bucket) AND (jsonb_typeof(l.own) = 'null' OR l.own ? d.bucket)
     AND NOT l.foreign_buckets ? d.bucket)`;

/**
 * The same, with the migration that keeps the object, else the newest that knows it. After a switch, documents that are `copied` are switched, only not marked yet. What lay at the destination before the migration
 * came (`foreign_source` in its rollback) is nobody's to delete.
 */
const UNNAMED_WITH_JOURNAL = `
  WITH u AS MATERIALIZED (${UNNAMED_URLS}),
  g AS MATERIALIZED (
    SELECT g.id, g.rolls_back, g.phase, g.switched_at IS NOT NULL AS switched, g.finished_at IS NULL AS unfinished,
           g.from_fingerprint = $2 AS is_source, g.to_fingerprint = $2 AS is_destination,
           g.scope->'buckets' AS chosen, g.scope->'ownBuckets' AS own, g.scope->'foreignBuckets' AS foreign_buckets
      FROM archive_mover_migration g WHERE $2 IN (g.from_fingerprint, g.to_fingerprint)),
  known AS (
    SELECT u.url, g.id, g.rolls_back, false AS written,
           CASE WHEN g.switched AND NOT ${SUPERSEDED} AND NOT d.foreign_source
                 AND (d.state IN ('switched', 'cleaning') OR d.state = 'copied' AND g.phase = 'switched')
                THEN CASE WHEN g.phase NOT IN ('copying', 'moving', 'switched', 'cleaning') THEN NULL
                          WHEN g.rolls_back IS NOT NULL THEN 'undone'
                          WHEN g.phase IN ('cleaning', 'moving') THEN g.phase
                          ELSE 'source' END
           END AS kept_as
      FROM u JOIN archive_mover_document d ON d.src_url = u.url JOIN g ON g.id = d.migration_id
     WHERE g.is_source AND d.state IN ('copied', 'switched', 'cleaning', 'cleaned')
    UNION ALL
    SELECT u.url, g.id, g.rolls_back, true,
           CASE WHEN g.phase IN ('copying', 'moving') AND d.state NOT IN ('switched', 'cleaning', 'cleaned') THEN 'unfinished'
                WHEN g.phase IN ('switched', 'cleaning') AND g.unfinished AND d.state IN ('failed', 'skipped', 'dropped')
                THEN 'unfinished'
                WHEN g.phase = 'abandoned' AND NOT ${SUPERSEDED} THEN 'ended' END
      FROM u JOIN archive_mover_document d ON d.dst_url = u.url JOIN g ON g.id = d.migration_id
     WHERE g.is_destination AND d.owned)
  SELECT DISTINCT ON (u.url) u.url, k.id AS migration_id, k.rolls_back AS undoes, k.kept_as, k.written
    FROM u LEFT JOIN known k ON k.url = u.url ORDER BY u.url, k.kept_as IS NULL, k.id DESC`;
