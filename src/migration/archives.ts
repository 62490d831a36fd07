import type { Queryable } from '../database/database.ts';
import { ANALYSIS_ARCHIVE_BUCKET, type ArchiveName, type ArchiveScope } from './scope.ts';

/** What is known of an archive is known of its documents: here is which of the two archives they are in. */

/** SQL over `archive_mover_document d`: the row of the document names the destination, once the migration is switched. */
const MOVED = `d.state IN ('copied', 'switched', 'cleaning', 'cleaned')`;

/**
 * SQL over `archive_mover_migration m`, switched or about to be: it concerns the archive that the SQL `name` names, an
 * `ArchiveName`. One that knew of no separate archive of analyses concerns that too, where it has moved documents of it.
 */
export const concernsSql = (name: string): string =>
  `(CASE WHEN m.scope->>'ownBuckets' IS NOT NULL THEN ${name} = 'analysis-archive'
         WHEN ${name} = 'object-store' THEN true
         ELSE EXISTS (SELECT 1 FROM archive_mover_document d
                       WHERE d.migration_id = m.id AND d.bucket = '${ANALYSIS_ARCHIVE_BUCKET}' AND ${MOVED}) END)`;

/**
 * The archives of which a configuration names the store, its own first. Where it has no section for analyses these are with
 * the other documents, if there are any: then what is known of them counts as well.
 */
export const listArchives = async (db: Queryable, scope: ArchiveScope): Promise<readonly ArchiveName[]> => {
  switch (scope) {
    case 'analysis-archive':
      return ['analysis-archive'];
    case 'object-store-beside-analysis-archive':
      return ['object-store'];
    case 'object-store': {
      const { count } = await db.query('SELECT 1 FROM archive_metadata WHERE bucket = $1 LIMIT 1', [
        ANALYSIS_ARCHIVE_BUCKET,
      ]);
      return count > 0 ? ['object-store', 'analysis-archive'] : ['object-store'];
    }
  }
};

/** The newest migration of an archive that has been switched, whatever became of it since; its rollback, if it was undone. */
export const findNewestSwitched = async (
  db: Queryable,
  archive: ArchiveName,
): Promise<{ readonly id: number; readonly toFingerprint: string } | undefined> => {
  const { rows } = await db.query<{ id: number; toFingerprint: string }>(
    `SELECT m.id, m.to_fingerprint AS "toFingerprint" FROM archive_mover_migration m
      WHERE m.switched_at IS NOT NULL AND m.phase <> 'rolled-back' AND ${concernsSql('$1')}
      ORDER BY m.switched_at DESC, m.id DESC LIMIT 1`,
    [archive],
  );
  return rows[0];
};
