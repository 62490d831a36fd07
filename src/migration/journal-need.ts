import type { Queryable } from '../database/database.ts';
import { findTables } from '../database/schema/schema-changes.ts';
import { listedExceptionSql } from './archive-fit.ts';
import { countOf } from './describe.ts';

/** Something that the journal still keeps from going wrong, and what to do so that it need not any more. */
export interface JournalNeed {
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Of each archive, the ordinary one and that of analyses, the switch that made its store the current one; `scheme` as its
 * URLs begin.
 */
const CURRENT = `
  SELECT DISTINCT ON (c.scope->>'ownBuckets' IS NOT NULL) c.*, (c.scope->>'ownBuckets' IS NOT NULL) AS analyses,
         CASE c.to_driver WHEN 'localfs' THEN 'file' ELSE c.to_driver END AS scheme
    FROM archive_mover_migration c WHERE c.switched_at IS NOT NULL
   ORDER BY c.scope->>'ownBuckets' IS NOT NULL, c.switched_at DESC, c.id DESC`;

/** Of rows elsewhere those count as known that a journal lists as left behind; without it services may refuse to start. */
const findExceptions = async (db: Queryable): Promise<readonly JournalNeed[]> => {
  if (!(await findTables(db, ['archive_metadata'])).has('archive_metadata')) return [];
  const { rows } = await db.query<{ id: number; description: string; count: number; example: string }>(
    `SELECT c.id, c.to_description AS description, count(*) AS count, min(m.content_url) AS example
       FROM (${CURRENT}) c JOIN archive_metadata m
         ON (CASE WHEN c.analyses THEN c.scope->'ownBuckets' ? m.bucket ELSE NOT c.scope->'foreignBuckets' ? m.bucket END)
      WHERE split_part(m.content_url, '://', 1) <> c.scheme AND ${listedExceptionSql('c.to_driver')}
      GROUP BY 1, 2 ORDER BY 1`,
  );
  return rows.map(({ id, description, count, example }) => ({
    reason:
      `${countOf(count, 'document')} of the archive in ${description} ${count === 1 ? 'is' : 'are'} elsewhere (such as ${example}), ` +
      'as the journal lists: without that list they are strays, which are warned of, and where most documents are such, anchore-engine does not start',
    remedy: `see show-migration ${id} --failed --skipped, and move or delete them (retry ${id} copies failed ones once more)`,
  }));
};

interface KeptSource {
  id: number;
  description: string;
  identical: boolean;
  current: string;
}

/**
 * Stores that the archive has left without being cleaned, whose services read the URLs of today's: only the journal tells
 * that such a store is not the current one (rule R8).
 */
const findKeptSources = async (db: Queryable): Promise<readonly JournalNeed[]> => {
  const { rows } = await db.query<KeptSource>(
    `SELECT j.id, j.from_description AS description, j.identical_urls AS identical, c.to_description AS current
       FROM (${CURRENT}) c JOIN archive_mover_migration j ON (j.scope->>'ownBuckets' IS NOT NULL) = c.analyses
      WHERE j.switched_at IS NOT NULL AND j.phase NOT IN ('cleaned', 'rolled-back') AND j.from_driver = c.to_driver
        AND j.from_fingerprint <> c.to_fingerprint
      ORDER BY j.id`,
  );
  return rows.map(({ id, description, identical, current }) => ({
    reason:
      `${description}, which migration ${id} has left, keeps its documents, and ${identical ? 'gives documents the same URLs as' : 'URLs of its kind are also those of'} ` +
      `${current}: without the journal a node with the old configuration starts, and writes to the store that the archive has left`,
    remedy: `clean ${id}, with the services stopped`,
  }));
};

/** What services, and later migrations, would lose together with the tables of ours; empty where they can go. */
export const findJournalNeeds = async (db: Queryable): Promise<readonly JournalNeed[]> => [
  ...(await findExceptions(db)),
  ...(await findKeptSources(db)),
];

/** Migrations whose source has what they moved: what `rollback` and `clean` need the journal for. */
export const listUndoable = async (db: Queryable): Promise<readonly number[]> => {
  const { rows } = await db.query<{ id: number }>(
    `SELECT id FROM archive_mover_migration WHERE phase = 'switched' ORDER BY id`,
  );
  return rows.map(({ id }) => id);
};
