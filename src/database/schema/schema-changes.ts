import { AppError, isAppError, messageOf } from '../../core/errors.ts';
import { findSqlState } from '../database-errors.ts';
import type { Database, Queryable } from '../database.ts';
import { quoteIdentifier } from '../session-settings.ts';

/** The advisory lock of whoever changes tables; not the migration's (2, 1), nor its workers' (0x616d, n). */
const SCHEMA_LOCK = [0x616e, 1] as const;

/** Makes processes that start at once change tables one after the other, until the end of the transaction. */
export const lockSchemaChanges = async (tx: Queryable): Promise<void> => {
  await tx.query('SELECT pg_advisory_xact_lock($1::int, $2::int)', SCHEMA_LOCK);
};

/** Which of these tables (or views) the schema of the connection has. */
export const findTables = async (queryable: Queryable, names: readonly string[]): Promise<ReadonlySet<string>> => {
  const { rows } = await queryable.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'f') AND c.relname = ANY ($1::text[])`,
    [names],
  );
  return new Set(rows.map((row) => row.name));
};

/** Runs what changes tables; where the role may not, the error names the GRANT that it needs. */
export const explainDenied = async <T>(db: Database, what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    // 42501: insufficient_privilege.
    if (!isAppError(error, 'database.denied') || findSqlState(error) !== '42501') throw error;
    const { rows } = await db.query<{ role: string }>('SELECT current_user AS role');
    const role = rows[0]?.role ?? '';
    const grant = `GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(db.schema)} TO ${quoteIdentifier(role)};`;
    throw new AppError(
      'database.denied',
      `database ${db.description}: the role ${role} may not create or change ${what} in schema ${db.schema}: ${messageOf(error.cause)}`,
      { cause: error.cause, remedy: `Let a superuser or the owner of the schema run: ${grant}` },
    );
  }
};
