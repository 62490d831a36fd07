import { AppError, isAppError, messageOf } from '../../core/errors.ts';
import type { Database, Queryable } from '../../database/database.ts';
import { abortable } from '../abortable.ts';
import type { HeldSpace, SpaceKeeper } from '../contract.ts';

/** Whoever uses the table shall not wait long behind us, who wait for the lock. */
const LOCK_TIMEOUT_MS = 5_000;

const measure = async (db: Queryable, schema: string, table: string): Promise<HeldSpace> => {
  const { rows } = await db.query<{ size: number }>(
    `SELECT coalesce(pg_total_relation_size(to_regclass('${table}')), 0) AS size`,
  );
  return { place: `the table ${schema}.${table}`, sizeBytes: rows[0]?.size ?? 0 };
};

interface Rights {
  readonly role: string;
  readonly owner: string;
  readonly truncate: boolean;
  readonly rewrite: boolean;
}

/**
 * VACUUM passes over a table in silence that the role may not rewrite, so that is asked first. Its owner may, and that of
 * the database, and from PostgreSQL 17 who has the right MAINTAIN.
 */
const findRights = async (db: Queryable, table: string): Promise<Rights> => {
  const { rows } = await db.query<Rights>(
    `SELECT current_user::text AS role, pg_get_userbyid(c.relowner)::text AS owner,
            has_table_privilege(c.oid, 'TRUNCATE') AS truncate,
            pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE')
              OR CASE WHEN current_setting('server_version_num')::integer >= 170000
                      THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE false END AS rewrite
       FROM pg_class c, pg_database d
      WHERE c.oid = to_regclass('${table}') AND d.datname = current_database()`,
  );
  const [rights] = rows;
  if (rights === undefined) throw new AppError('store.container-missing', `there is no table ${table}`);
  return rights;
};

const hasRows = async (db: Queryable, table: string): Promise<boolean> => {
  const { rows } = await db.query<{ found: boolean }>(`SELECT EXISTS (SELECT FROM ${table}) AS found`);
  return rows[0]?.found !== false;
};

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const denied = (what: string, { role, owner }: Rights, grant: string): AppError =>
  new AppError('database.denied', `the role ${role} may not ${what}, which belongs to ${owner}`, {
    remedy: `Let ${owner} or an administrator run: ${grant}. Then run clean ID --reclaim.`,
  });

/** `pg_total_relation_size` counts the rows, what is kept outside of them (TOAST), and the indexes. */
export const keepTableSpace = (db: Database, table: string): SpaceKeeper => {
  const named = `${quote(db.schema)}.${table}`;

  /** Empties the files of a table that has no rows; whoever might add one waits meanwhile. false: it has rows. */
  const truncateIfEmpty = async (tx: Queryable): Promise<boolean> => {
    await tx.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await tx.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    if (await hasRows(tx, table)) return false;
    await tx.query(`TRUNCATE TABLE ${table}`);
    return true;
  };

  const reclaim = async (signal: AbortSignal | undefined): Promise<void> => {
    await using session = await db.openSession();
    const rights = await findRights(session, table);
    if (rights.truncate) {
      if (await session.transaction(truncateIfEmpty)) return;
    } else if (!(await hasRows(session, table))) {
      throw denied(`empty ${named}`, rights, `GRANT TRUNCATE ON TABLE ${named} TO ${quote(rights.role)}`);
    }
    if (!rights.rewrite) {
      const grant = `GRANT MAINTAIN ON TABLE ${named} TO ${quote(rights.role)} (from PostgreSQL 17), or VACUUM FULL ${named}`;
      throw denied(`rewrite ${named}`, rights, grant);
    }
    // The embedded database has one session, which keeps what it is told, and nobody else to wait for.
    if (db.kind === 'postgres') await session.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await cancellable(db, session, signal, () => session.query(`VACUUM (FULL) ${table}`));
  };

  return {
    measure: () => measure(db, db.schema, table),
    reclaim: async (signal) => {
      signal?.throwIfAborted();
      try {
        await reclaim(signal);
      } catch (error) {
        if (!isAppError(error, 'database.timeout')) throw error;
        throw new AppError('database.timeout', `others are at work on ${named}: ${messageOf(error)}`, {
          cause: error,
          remedy: 'Stop the services, then run clean ID --reclaim.',
        });
      }
      await db.sync();
      return measure(db, db.schema, table);
    },
  };
};

/** Ends a statement at the server, too, when the signal fires: it would otherwise go on without us. */
const cancellable = async (
  db: Database,
  session: Queryable,
  signal: AbortSignal | undefined,
  work: () => Promise<unknown>,
): Promise<void> => {
  const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const cancel = (): void => void db.query('SELECT pg_cancel_backend($1)', [rows[0]?.pid ?? 0]).catch(() => undefined);
  if (db.kind === 'postgres') signal?.addEventListener('abort', cancel, { once: true });
  try {
    await abortable(work(), signal);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
};
