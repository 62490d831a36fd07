import type { Database, Queryable } from '../database.ts';
import { ANCHORE_TABLES, type AnchoreTable } from './anchore-ddl.ts';
import { explainDenied, findTables, lockSchemaChanges } from './schema-changes.ts';

/**
 * Makes sure that Anchore's tables are there. A database without `archive_metadata` is a fresh one and gets all of them; one with it is
 * used as it is, and only gets those that a migration needs and an older Anchore did not have. Returns the names of those
 * created. Throws `database.denied`, with the GRANT that is missing, where the role may not create them.
 */
export const ensureAnchoreTables = async (db: Database): Promise<readonly string[]> => {
  // Without this look a role that may not create anything could not even use a complete database.
  if ((await planMissing(db)).length === 0) return [];
  return explainDenied(db, "Anchore's tables", () =>
    db.transaction(async (tx) => {
      await lockSchemaChanges(tx);
      const missing = await planMissing(tx);
      for (const table of missing) await createTable(tx, table);
      return missing.map((table) => table.name);
    }),
  );
};

const planMissing = async (queryable: Queryable): Promise<readonly AnchoreTable[]> => {
  const present = await findTables(
    queryable,
    ANCHORE_TABLES.map((table) => table.name),
  );
  const fresh = !present.has('archive_metadata');
  return ANCHORE_TABLES.filter((table) => !present.has(table.name) && (fresh || table.needed));
};

const createTable = async (tx: Queryable, table: AnchoreTable): Promise<void> => {
  for (const [name, labels] of Object.entries(table.enums)) {
    const { rows } = await tx.query<{ present: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                       WHERE n.nspname = current_schema() AND t.typname = $1) AS present`,
      [name],
    );
    if (rows[0]?.present !== true) {
      await tx.query(`CREATE TYPE ${name} AS ENUM (${labels.map((label) => `'${label}'`).join(', ')})`);
    }
  }
  for (const statement of table.statements) await tx.query(statement);
};

export interface ServiceVersion {
  /** `1.1.0` */
  readonly serviceVersion: string;
  /** `0.0.16` */
  readonly dbVersion: string;
}

/** What Anchore says of itself in this database; undefined where no Anchore has ever run on it. */
export const readServiceVersion = async (queryable: Queryable): Promise<ServiceVersion | undefined> => {
  if (!(await findTables(queryable, ['anchore'])).has('anchore')) return undefined;
  const { rows } = await queryable.query<ServiceVersion>(
    `SELECT service_version AS "serviceVersion", db_version AS "dbVersion" FROM anchore
      ORDER BY created_at DESC NULLS LAST LIMIT 1`,
  );
  return rows[0];
};
