import { unreachable } from '../core/errors.ts';
import type { Database, Queryable } from '../database/database.ts';
import { isLockHeld } from '../migration/lock.ts';
import type { Pause, Phase } from '../migration/phases.ts';

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
  /** What the state does not say, in a word or two for a person: `interrupted`, `precopied`, `rolled back`. */
  readonly condition: string;
  /** As Python's isoformat prints them, with the zone: `2018-08-15T18:03:52.951364Z`. */
  readonly createdAt: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly lastUpdated: string | null;
}

const iso = (column: string): string =>
  `regexp_replace(to_char(t.${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '\\.000000$', '') || 'Z'`;

type TaskRow = Omit<MigrationTask, 'condition'>;

const SELECT = `
  SELECT t.id, t.state::text AS state, t.last_state::text AS "lastState", t.executor_id AS "executorId",
         m.migrate_from_driver AS "fromDriver", m.migrate_to_driver AS "toDriver",
         m.archive_documents_to_migrate AS "documentsToMigrate", m.archive_documents_migrated AS "documentsMigrated",
         m.online_migration AS "onlineMigration",
         ${iso('created_at')} AS "createdAt", ${iso('started_at')} AS "startedAt", ${iso('ended_at')} AS "endedAt",
         ${iso('last_updated')} AS "lastUpdated"
    FROM tasks t JOIN archive_migration_tasks m ON m.id = t.id`;

/** All migrations by id; none where Anchore's tables are not there. */
export const listTasks = async (db: Database): Promise<readonly MigrationTask[]> => {
  if (!(await hasTable(db, 'tasks')) || !(await hasTable(db, 'archive_migration_tasks'))) return [];
  const { rows } = await db.query<TaskRow>(`${SELECT} ORDER BY t.id`);
  const isOwned = !rows.some((task) => task.state === 'running') || (await isLockHeld(db));
  const journalled = new Map((await listJournalled(db)).map((row) => [row.id, row]));
  return rows.map((task) => {
    const interrupted = task.state === 'running' && !isOwned;
    const state = interrupted ? 'interrupted' : task.state;
    const own = journalled.get(task.id);
    return { ...task, state, condition: interrupted || own === undefined ? state : conditionOf(state, own) };
  });
};

export const findTask = async (db: Database, id: number): Promise<MigrationTask | undefined> =>
  (await listTasks(db)).find((task) => task.id === id);

/** What the journal adds to a task. */
interface JournalledTask {
  readonly id: number;
  readonly phase: Phase;
  readonly pause: Pause | null;
  readonly finished: boolean;
  readonly switched: boolean;
  readonly keepSource: boolean;
  /** The run that has it is paused, or about to be. */
  readonly held: boolean;
}

const listJournalled = async (db: Queryable): Promise<readonly JournalledTask[]> => {
  if (!(await hasJournal(db))) return [];
  // A journal of an earlier version has no runs.
  const held = (await hasTable(db, 'archive_mover_run'))
    ? `EXISTS (SELECT 1 FROM archive_mover_run r
                WHERE r.migration_id = m.id AND r.epoch = m.epoch AND r.ended_at IS NULL AND r.hold <> 'none')`
    : 'false';
  const { rows } = await db.query<JournalledTask>(
    `SELECT id, phase, pause, finished_at IS NOT NULL AS finished, switched_at IS NOT NULL AS switched,
            keep_source AS "keepSource", ${held} AS held
       FROM archive_mover_migration m`,
  );
  return rows;
};

/** In a person's words. `tasks.state` has to keep to the states that Anchore knows, which call much by one name. */
const conditionOf = (state: string, own: JournalledTask): string => {
  if (own.phase === 'rolled-back') return 'rolled back';
  if (own.phase === 'abandoned') return 'given up';
  if (state === 'running') return own.held ? 'paused' : 'running';
  switch (own.pause) {
    case 'precopied':
    case 'interrupted':
    case 'stopped':
      return own.pause;
    case 'failed-documents':
      return 'documents failed';
    case null:
      if (!own.finished) return state;
      if (state === 'failed') return 'documents failed';
      if (!own.switched) return 'nothing moved';
      return own.keepSource ? 'source kept' : 'complete';
    default:
      return unreachable(own.pause);
  }
};

const hasTable = async (db: Queryable, table: string): Promise<boolean> => {
  const { rows } = await db.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [table]);
  return rows[0]?.found === true;
};

/** Whether this tool's own tables are there. */
export const hasJournal = (db: Queryable): Promise<boolean> => hasTable(db, 'archive_mover_migration');
