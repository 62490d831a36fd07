import type { Database, Queryable } from '../database/database.ts';
import { isLockHeld } from '../migration/lock.ts';

/** A migration as Anchore's own tables tell of it: ours and those of the original tool. */
export interface MigrationTask {
  readonly id: number;
  /** As in `tasks`; `interrupted` where it says running and nobody holds the migration lock. */
  readonly state: string;
  readonly lastState: string | null;
  readonly executorId: string | null;
  readonly fromDriver: string | null;
  readonly toDriver: string | null;
  readonly documentsToMigrate: number | null;
  readonly documentsMigrated: number | null;
  readonly onlineMigration: boolean | null;
  /** UTC, as Python's isoformat prints them: `2018-08-15T18:03:52.951364`. */
  readonly createdAt: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly lastUpdated: string | null;
}

const iso = (column: string): string =>
  `regexp_replace(to_char(t.${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '\\.000000$', '')`;

const SELECT = `
  SELECT t.id, t.state::text AS state, t.last_state::text AS "lastState", t.executor_id AS "executorId",
         m.migrate_from_driver AS "fromDriver", m.migrate_to_driver AS "toDriver",
         m.archive_documents_to_migrate AS "documentsToMigrate", m.archive_documents_migrated AS "documentsMigrated",
         m.online_migration AS "onlineMigration",
         ${iso('created_at')} AS "createdAt", ${iso('started_at')} AS "startedAt", ${iso('ended_at')} AS "endedAt",
         ${iso('last_updated')} AS "lastUpdated"
    FROM tasks t JOIN archive_migration_tasks m ON m.id = t.id`;

const hasTables = async (db: Queryable): Promise<boolean> => {
  const { rows } = await db.query<{ found: boolean }>(
    `SELECT to_regclass('tasks') IS NOT NULL AND to_regclass('archive_migration_tasks') IS NOT NULL AS found`,
  );
  return rows[0]?.found === true;
};

/** All migrations by id; none where Anchore's tables are not there. */
export const listTasks = async (db: Database): Promise<readonly MigrationTask[]> => {
  if (!(await hasTables(db))) return [];
  const { rows } = await db.query<MigrationTask>(`${SELECT} ORDER BY t.id`);
  if (!rows.some((task) => task.state === 'running') || (await isLockHeld(db))) return rows;
  return rows.map((task) => (task.state === 'running' ? { ...task, state: 'interrupted' } : task));
};

export const findTask = async (db: Database, id: number): Promise<MigrationTask | undefined> =>
  (await listTasks(db)).find((task) => task.id === id);

/** Whether this tool's own tables are there. */
export const hasJournal = async (db: Queryable): Promise<boolean> => {
  const { rows } = await db.query<{ found: boolean }>(
    `SELECT to_regclass('archive_mover_migration') IS NOT NULL AS found`,
  );
  return rows[0]?.found === true;
};
