import { AppError } from '../../core/errors.ts';
import type { Database, Queryable } from '../database.ts';
import { quoteIdentifier } from '../session-settings.ts';
import { explainDenied, findTables, lockSchemaChanges } from './schema-changes.ts';

const VERSION_TABLE = 'archive_mover_schema';

/**
 * The history of our own tables: version 1, 2, 3 ... in order, each as SQL. Once released one never changes; another is added.
 */
export type OwnMigrations = readonly string[];

/**
 * Brings our own tables to the newest version. Safe when several processes start at once. Returns the version found, 0
 * for none. Throws `refused.newer-journal` where a newer version of this tool has been here, and `database.denied` with the missing
 * GRANT where the role may not create tables.
 */
export const ensureOwnTables = async (db: Database, migrations: OwnMigrations): Promise<number> => {
  const newest = migrations.length;
  const found = await readVersion(db);
  refuseNewer(found, newest);
  if (found === newest) return found;
  return explainDenied(db, "this tool's own tables", () =>
    db.transaction(async (tx) => {
      await lockSchemaChanges(tx);
      const before = await readVersion(tx);
      refuseNewer(before, newest);
      if (before === 0) {
        await tx.query(`CREATE TABLE IF NOT EXISTS ${VERSION_TABLE} (
                          version integer PRIMARY KEY,
                          applied_at timestamp with time zone NOT NULL DEFAULT now())`);
      }
      for (const [index, sql] of migrations.entries()) {
        if (index < before) continue;
        await tx.query(sql);
        await tx.query(`INSERT INTO ${VERSION_TABLE} (version) VALUES ($1)`, [index + 1]);
      }
      return before;
    }),
  );
};

/**
 * Removes our own tables, with everything that they hold; `tables` in the order in which they can be dropped. Whether that may be
 * lost is for the caller to know. Throws `refused.newer-journal` where a newer version may have more tables than these.
 */
export const dropOwnTables = async (
  db: Database,
  migrations: OwnMigrations,
  tables: readonly string[],
): Promise<void> => {
  await explainDenied(db, "this tool's own tables", () =>
    db.transaction(async (tx) => {
      await lockSchemaChanges(tx);
      refuseNewer(await readVersion(tx), migrations.length);
      for (const table of [...tables, VERSION_TABLE]) await tx.query(`DROP TABLE IF EXISTS ${quoteIdentifier(table)}`);
    }),
  );
};

/** The version of our own tables in this database, 0 where there are none. */
export const readOwnVersion = (db: Database): Promise<number> => readVersion(db);

const readVersion = async (queryable: Queryable): Promise<number> => {
  if (!(await findTables(queryable, [VERSION_TABLE])).has(VERSION_TABLE)) return 0;
  const { rows } = await queryable.query<{ version: number | null }>(
    `SELECT max(version) AS version FROM ${VERSION_TABLE}`,
  );
  return rows[0]?.version ?? 0;
};

const refuseNewer = (found: number, newest: number): void => {
  if (found <= newest) return;
  throw new AppError(
    'refused.newer-journal',
    `the journal has version ${found}, this version of the tool knows up to ${newest}`,
  );
};
