import type { Codec } from '../archive/codec.ts';
import { AppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import type { DriverName } from '../drivers/contract.ts';
import { PHASE_SOURCES, type Pause, type Phase, type TaskState } from './phases.ts';
import type { Scope } from './scope.ts';

/** One side of a migration, as it was journalled; holds no secret. */
export interface StoreRecord {
  readonly driver: DriverName;
  readonly fingerprint: string;
  readonly namespace: string;
  readonly description: string;
  /** The configuration file, as the person gave it, made absolute. */
  readonly config: string;
  readonly codec: Codec;
}

export interface MigrationRecord {
  /** Also the id of its row in `tasks`. */
  readonly id: number;
  readonly kind: 'migrate' | 'rollback';
  /** The migration that a rollback undoes. */
  readonly rollsBack: number | undefined;
  readonly phase: Phase;
  readonly pause: Pause | undefined;
  readonly from: StoreRecord;
  readonly to: StoreRecord;
  readonly scope: Scope;
  /** Both stores give a document the same URL (rule R8). */
  readonly identicalUrls: boolean;
  readonly destinationWasEmpty: boolean;
  readonly keepSource: boolean;
  readonly move: boolean;
  readonly toolVersion: string;
  /** Nothing is left to do for it. */
  readonly finished: boolean;
  readonly switchedAt: string | undefined;
  /** How long the switch held the archive; in seconds. */
  readonly switchSeconds: number | undefined;
}

export type NewMigration = Omit<
  MigrationRecord,
  'id' | 'phase' | 'pause' | 'finished' | 'switchedAt' | 'switchSeconds'
>;

interface Row {
  id: number;
  kind: 'migrate' | 'rollback';
  rolls_back: number | null;
  phase: Phase;
  pause: Pause | null;
  from_driver: DriverName;
  from_fingerprint: string;
  from_namespace: string;
  from_description: string;
  from_config: string;
  from_codec: Codec;
  to_driver: DriverName;
  to_fingerprint: string;
  to_namespace: string;
  to_description: string;
  to_config: string;
  to_codec: Codec;
  scope: Scope;
  identical_urls: boolean;
  destination_was_empty: boolean;
  keep_source: boolean;
  move: boolean;
  tool_version: string;
  finished_at: string | null;
  switched_at: string | null;
  switch_seconds: number | null;
}

const fromRow = (row: Row): MigrationRecord => ({
  id: row.id,
  kind: row.kind,
  rollsBack: row.rolls_back ?? undefined,
  phase: row.phase,
  pause: row.pause ?? undefined,
  from: {
    driver: row.from_driver,
    fingerprint: row.from_fingerprint,
    namespace: row.from_namespace,
    description: row.from_description,
    config: row.from_config,
    codec: row.from_codec,
  },
  to: {
    driver: row.to_driver,
    fingerprint: row.to_fingerprint,
    namespace: row.to_namespace,
    description: row.to_description,
    config: row.to_config,
    codec: row.to_codec,
  },
  scope: row.scope,
  identicalUrls: row.identical_urls,
  destinationWasEmpty: row.destination_was_empty,
  keepSource: row.keep_source,
  move: row.move,
  toolVersion: row.tool_version,
  finished: row.finished_at !== null,
  switchedAt: row.switched_at ?? undefined,
  switchSeconds: row.switch_seconds ?? undefined,
});

const UTC_NOW = `(clock_timestamp() AT TIME ZONE 'utc')`;

/** Creates the migration and its row in `tasks`, in one transaction of the caller. */
export const insertMigration = async (
  tx: Queryable,
  migration: NewMigration,
  executorId: string,
  online: boolean,
): Promise<number> => {
  const task = await tx.query<{ id: number }>(
    `INSERT INTO tasks (state, last_state, created_at, started_at, last_updated, executor_id, type)
     VALUES ('running', 'initializing', ${UTC_NOW}, ${UTC_NOW}, ${UTC_NOW}, $1, 'archivemigrationtask') RETURNING id`,
    [executorId],
  );
  const id = task.rows[0]?.id;
  if (id === undefined) throw new AppError('internal', 'tasks gave no id');
  await tx.query(
    `INSERT INTO archive_migration_tasks (id, migrate_from_driver, migrate_to_driver, archive_documents_to_migrate,
                                          archive_documents_migrated, online_migration)
     VALUES ($1, $2, $3, 0, 0, $4)`,
    [id, migration.from.driver, migration.to.driver, online ? true : null],
  );
  await insertMigrationRow(tx, id, migration);
  return id;
};

/** The journal's own row of a migration. */
export const insertMigrationRow = async (tx: Queryable, id: number, migration: NewMigration): Promise<void> => {
  const { from, to } = migration;
  await tx.query(
    `INSERT INTO archive_mover_migration (id, kind, rolls_back, phase, from_driver, from_fingerprint, from_namespace,
       from_description, from_config, from_codec, to_driver, to_fingerprint, to_namespace, to_description, to_config,
       to_codec, scope, identical_urls, destination_was_empty, keep_source, move, tool_version)
     VALUES ($1, $2, $3, 'copying', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
    [
      id,
      migration.kind,
      migration.rollsBack ?? null,
      from.driver,
      from.fingerprint,
      from.namespace,
      from.description,
      from.config,
      JSON.stringify(from.codec),
      to.driver,
      to.fingerprint,
      to.namespace,
      to.description,
      to.config,
      JSON.stringify(to.codec),
      JSON.stringify(migration.scope),
      migration.identicalUrls,
      migration.destinationWasEmpty,
      migration.keepSource,
      migration.move,
      migration.toolVersion,
    ],
  );
};

const findMigration = async (db: Queryable, id: number): Promise<MigrationRecord | undefined> => {
  const { rows } = await db.query<Row>('SELECT * FROM archive_mover_migration WHERE id = $1', [id]);
  return rows[0] && fromRow(rows[0]);
};

export const getMigration = async (db: Queryable, id: number): Promise<MigrationRecord> => {
  const found = await findMigration(db, id);
  if (found === undefined) {
    throw new AppError('usage.invalid', `there is no migration ${id} in the journal`, {
      remedy: 'See list-migrations for the ids; runs of the original tool have no journal.',
    });
  }
  return found;
};

/** The migration that has to be ended before another can begin; the newest, if there are several. */
export const findUnfinished = async (db: Queryable): Promise<MigrationRecord | undefined> => {
  const { rows } = await db.query<Row>(
    `SELECT * FROM archive_mover_migration
      WHERE finished_at IS NULL AND phase NOT IN ('abandoned', 'rolled-back')
      ORDER BY id DESC LIMIT 1`,
  );
  return rows[0] && fromRow(rows[0]);
};

/** The newest migration between these stores whose documents did not all arrive. */
export const findWithFailures = async (
  db: Queryable,
  fromFingerprint: string,
  toFingerprint: string,
): Promise<MigrationRecord | undefined> => {
  const { rows } = await db.query<Row>(
    `SELECT m.* FROM archive_mover_migration m
      WHERE m.id = (SELECT max(id) FROM archive_mover_migration WHERE phase NOT IN ('abandoned', 'rolled-back'))
        AND m.kind = 'migrate'
        AND m.phase IN ('switched', 'cleaned') AND m.from_fingerprint = $1 AND m.to_fingerprint = $2
        AND EXISTS (SELECT 1 FROM archive_mover_document d WHERE d.migration_id = m.id AND d.state = 'failed')`,
    [fromFingerprint, toFingerprint],
  );
  return rows[0] && fromRow(rows[0]);
};

/** A later migration that has brought the archive to this one's source again, or keeps it as its own source. */
export const findLaterUser = async (db: Queryable, record: MigrationRecord): Promise<number | undefined> => {
  const { rows } = await db.query<{ id: number }>(
    `SELECT id FROM archive_mover_migration
      WHERE id > $1 AND switched_at IS NOT NULL AND phase <> 'rolled-back'
        AND (to_fingerprint = $2 OR (from_fingerprint = $2 AND phase = 'switched'))
      ORDER BY id DESC LIMIT 1`,
    [record.id, record.from.fingerprint],
  );
  return rows[0]?.id;
};

/** The migration that undoes, or has undone, this one. */
export const findRollbackOf = async (db: Queryable, id: number): Promise<MigrationRecord | undefined> => {
  const { rows } = await db.query<Row>(
    'SELECT * FROM archive_mover_migration WHERE rolls_back = $1 ORDER BY id DESC LIMIT 1',
    [id],
  );
  return rows[0] && fromRow(rows[0]);
};

/** Takes the migration over: earlier processes' writes are void from here on. Waits for those under way. */
export const takeOver = async (
  tx: Queryable,
  id: number,
  executorId: string,
  change: {
    readonly keepSource: boolean;
    readonly move: boolean;
    readonly fromConfig: string;
    readonly toConfig: string;
  },
): Promise<number> => {
  const { rows } = await tx.query<{ epoch: number }>(
    `UPDATE archive_mover_migration
        SET epoch = epoch + 1, pause = NULL, finished_at = NULL, updated_at = now(), keep_source = $2, move = $3, from_config = $4, to_config = $5
      WHERE id = $1 RETURNING epoch`,
    [id, change.keepSource, change.move, change.fromConfig, change.toConfig],
  );
  const epoch = rows[0]?.epoch;
  if (epoch === undefined) throw new AppError('internal', `migration ${id} has vanished`);
  await tx.query(
    `UPDATE tasks SET last_state = state, state = 'running', executor_id = $2, ended_at = NULL, last_updated = ${UTC_NOW}
      WHERE id = $1`,
    [id, executorId],
  );
  return epoch;
};

export interface Fence {
  readonly id: number;
  readonly epoch: number;
}

/** Lets the transaction take its time, and join large tables whole: estimates of a journal that has just grown are wrong. */
export const takeTime = async (tx: Queryable): Promise<void> => {
  await tx.query(
    `SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),
            set_config('enable_nestloop', 'off', true)`,
  );
};

/** Throws `database.lock-lost` unless this epoch is still the migration's; holds takeovers off until the transaction ends. */
export const holdFence = async (tx: Queryable, fence: Fence): Promise<void> => {
  const { count } = await tx.query(
    'SELECT 1 FROM archive_mover_migration WHERE id = $1 AND epoch = $2 FOR NO KEY UPDATE',
    [fence.id, fence.epoch],
  );
  if (count !== 1) throw lockLost(fence);
};

/** The same without keeping other writers of this epoch out: only takeovers wait. */
export const shareFence = async (tx: Queryable, fence: Fence): Promise<void> => {
  const { count } = await tx.query('SELECT 1 FROM archive_mover_migration WHERE id = $1 AND epoch = $2 FOR SHARE', [
    fence.id,
    fence.epoch,
  ]);
  if (count !== 1) throw lockLost(fence);
};

export const lockLost = (fence: Fence): AppError =>
  new AppError('database.lock-lost', `another process has taken migration ${fence.id} over`);

/** Moves the migration to a phase, as the state machine allows. */
export const enterPhase = async (tx: Queryable, fence: Fence, phase: Phase): Promise<void> => {
  const { count } = await tx.query(
    `UPDATE archive_mover_migration SET phase = $3, updated_at = now(),
            cleaned_at = CASE WHEN $3 = 'cleaned' THEN now() ELSE cleaned_at END
      WHERE id = $1 AND epoch = $2 AND phase = ANY ($4)`,
    [fence.id, fence.epoch, phase, [phase, ...PHASE_SOURCES[phase]]],
  );
  if (count !== 1) throw lockLost(fence);
};

/** Writes what the switch was: when, and how long the archive was held, which adds up. */
export const recordSwitch = async (tx: Queryable, fence: Fence, seconds: number): Promise<void> => {
  await tx.query(
    `UPDATE archive_mover_migration
        SET switched_at = coalesce(switched_at, now()), switch_seconds = coalesce(switch_seconds, 0) + $3
      WHERE id = $1 AND epoch = $2`,
    [fence.id, fence.epoch, seconds],
  );
};

/** Ends a rolled-back migration from the transaction of its rollback's switch, whose fence the caller holds. */
export const markRolledBack = async (tx: Queryable, id: number): Promise<void> => {
  const { count } = await tx.query(
    `UPDATE archive_mover_migration SET phase = 'rolled-back', epoch = epoch + 1, updated_at = now()
      WHERE id = $1 AND phase = 'switched'`,
    [id],
  );
  if (count !== 1) throw new AppError('refused.cannot-roll-back', `migration ${id} is no longer merely switched`);
};

/** Says that work goes on: what a person sees of a run that has died. */
export const touchTask = async (db: Queryable, id: number): Promise<void> => {
  await db.query(`UPDATE tasks SET last_updated = ${UTC_NOW} WHERE id = $1`, [id]);
};

/** Keeps the number to migrate right where single documents leave the plan, in the transaction in which they do. */
export const lowerToMigrate = async (tx: Queryable, id: number, by: number): Promise<void> => {
  if (by === 0) return;
  await tx.query(
    'UPDATE archive_migration_tasks SET archive_documents_to_migrate = archive_documents_to_migrate - $2 WHERE id = $1',
    [id, by],
  );
};

/** How many documents a migration concerns, as the table of tasks says. */
export const getToMigrate = async (db: Queryable, id: number): Promise<number> => {
  const { rows } = await db.query<{ count: number }>(
    'SELECT archive_documents_to_migrate AS count FROM archive_migration_tasks WHERE id = $1',
    [id],
  );
  return rows[0]?.count ?? 0;
};

/** Counts documents as migrated, in the transaction that switches them. */
export const addMigrated = async (tx: Queryable, id: number, count: number): Promise<void> => {
  await tx.query(
    'UPDATE archive_migration_tasks SET archive_documents_migrated = archive_documents_migrated + $2 WHERE id = $1',
    [id, count],
  );
  await touchTask(tx, id);
};

/** Brings the counts of `archive_migration_tasks` up to the journal, in the transaction that changed it. */
export const updateCounts = async (tx: Queryable, id: number): Promise<void> => {
  await tx.query(
    `UPDATE archive_migration_tasks t SET archive_documents_to_migrate = c.to_migrate, archive_documents_migrated = c.migrated
       FROM (SELECT count(*) FILTER (WHERE state NOT IN ('skipped', 'dropped')) AS to_migrate,
                    count(*) FILTER (WHERE state IN ('switched', 'cleaning', 'cleaned')
                                        OR state = 'copied' AND (SELECT unmarked FROM archive_mover_migration WHERE id = $1))
                      AS migrated
               FROM archive_mover_document WHERE migration_id = $1) c
      WHERE t.id = $1`,
    [id],
  );
  await tx.query(`UPDATE tasks SET last_updated = ${UTC_NOW} WHERE id = $1`, [id]);
};

/** Nothing is left to do: the same command would begin another migration. */
export const recordFinished = async (tx: Queryable, id: number): Promise<void> => {
  await tx.query('UPDATE archive_mover_migration SET finished_at = now() WHERE id = $1', [id]);
};

/** Sets the state of the task, and why an unfinished migration rests. */
export const setTaskState = async (tx: Queryable, id: number, state: TaskState, pause: Pause | null): Promise<void> => {
  const ended = state === 'complete' || state === 'failed' ? UTC_NOW : 'NULL';
  await tx.query(
    `UPDATE tasks SET last_state = state, state = $2::text::task_states, ended_at = ${ended}, last_updated = ${UTC_NOW}
      WHERE id = $1`,
    [id, state],
  );
  await tx.query('UPDATE archive_mover_migration SET pause = $2, updated_at = now() WHERE id = $1', [id, pause]);
};
