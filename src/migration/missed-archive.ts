import { AppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import { findTables } from '../database/schema/schema-changes.ts';
import { findCurrentStores } from './current-store.ts';
import { countOf } from './describe.ts';
import type { MigrateRequest, Side } from './requests.ts';
import { archivePredicate, inScopeSql, planScope, type Scope, schemeOf, scopeParameters } from './scope.ts';

/** How many documents lie where URLs of this scheme lead. */
interface Place {
  readonly scheme: string;
  readonly documents: number;
}

/**
 * Where the documents of an archive are of which a source can read none at all; none where it can read one, or where there
 * is no archive.
 */
export const listMissedPlaces = async (db: Queryable, scope: Scope): Promise<readonly Place[]> => {
  if ((await findTables(db, ['archive_metadata'])).size === 0) return [];
  // The one row that is usually there is found at once, and nothing is counted then.
  const { rows } = await db.query<Place>(
    `SELECT coalesce(substring(m.content_url from '^([a-zA-Z0-9+.-]+)://'), '?') AS scheme, count(*) AS documents
       FROM archive_metadata m
      WHERE ${archivePredicate(1)} AND m.content_url IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM archive_metadata m WHERE ${archivePredicate(1)} AND ${inScopeSql(3)})
      GROUP BY 1 ORDER BY 2 DESC, 1`,
    scopeParameters({ ...scope, buckets: null }),
  );
  return rows;
};

/** The store to which the last switch has brought the archive, where that is this one; undefined too where nothing says so. */
export const findArrival = async (db: Queryable, to: Side): Promise<{ readonly migrationId: number } | undefined> => {
  if ((await findTables(db, ['archive_mover_current_store'])).size === 0) return undefined;
  const current = await findCurrentStores(db, to.archive);
  return current.find(({ fingerprint }) => fingerprint === to.store.identity.fingerprint);
};

/**
 * Throws `refused.no-documents` where the source can read no document of an archive that has some: it would end with nothing
 * switched. An archive that has arrived at the destination before is none of these, and one without any document neither.
 */
export const refuseMissedArchive = async (
  db: Queryable,
  database: string,
  { from, to }: Pick<MigrateRequest, 'from' | 'to'>,
): Promise<void> => {
  const places = await listMissedPlaces(db, planScope(from.store.driver, from.archive, []));
  if (places.length === 0 || (await findArrival(db, to)) !== undefined) return;
  const count = places.reduce((sum, { documents }) => sum + documents, 0);
  const isAtDestination = places.every(({ scheme }) => scheme === schemeOf(to.store.driver));
  const where = places.map(({ scheme, documents }) => `${documents} at ${scheme}://`).join(', ');
  throw new AppError(
    'refused.no-documents',
    `FROM, ${from.store.identity.description}, can read none of the archive's ${countOf(count, 'document')}: ` +
      (isAtDestination ? `they are at ${places[0]?.scheme}://, where TO reads them already` : where),
    {
      remedy: isAtDestination
        ? `If the archive has been moved to TO before, nothing is left to do but to use ${to.config}. ` +
          'If it is to be moved away from there, FROM and TO are exchanged: name them the other way round.'
        : `Name as FROM the configuration in use, and check that ${database} is its database.`,
    },
  );
};
