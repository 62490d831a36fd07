import type { Queryable } from '../database/database.ts';
import type { Fence } from './migration-store.ts';

/**
 * What a process that works on a migration tells of itself while it does. Its row belongs to its epoch, so that it cannot
 * write another's; the row of the migration is never locked for it: a look at the clock must not wait for a switch.
 */

/** What a run does just now, in the order in which it does it. With `--move`, one `moving` stands for copying to cleaning. */
export const RUN_PHASES = [
  'preparing',
  'planning',
  'copying',
  'confirming',
  'moving',
  'switching',
  'cleaning',
  'finishing',
  'ended',
] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

/** `pausing`: asked to, and finishing what is under way. */
export type Hold = 'none' | 'pausing' | 'paused';

/** How far a run is. Counts are of this run alone, those before it apart. */
export interface RunProgress {
  readonly phase: RunPhase;
  readonly hold: Hold;
  /** The revision of the control row that the run goes by. */
  readonly controlSeen: number;
  /** Documents that this run had, or still has, to copy, and their bytes at the source as far as their rows tell. */
  readonly planned: number;
  readonly plannedBytes: number;
  /** Documents that earlier runs of this migration have copied. */
  readonly doneBefore: number;
  /** Documents copied, and their bytes at the source. */
  readonly documents: number;
  readonly bytes: number;
  readonly toClean: number;
  readonly cleaned: number;
  /** Requests to the stores under way. */
  readonly inFlight: number;
  /** Requests that were sent again. */
  readonly retries: number;
  /** Documents that failed. */
  readonly failures: number;
  readonly switched: number;
  /** How long the switch held the archive: the part of the downtime that is this tool's; undefined before it. */
  readonly switchSeconds: number | undefined;
  readonly pausedSeconds: number;
}

/** How a run ended. */
export interface RunEnd {
  /** That of its result, or the code of the error that ended it; `killed` where it ended without a word. */
  readonly outcome: string;
  /** undefined for a run that was killed. */
  readonly exitCode: number | undefined;
  readonly errorText: string | undefined;
}

/** One process's work on one migration. Times are ISO 8601 in UTC, by the database's clock. */
export interface RunRecord extends RunProgress {
  readonly migrationId: number;
  readonly epoch: number;
  readonly command: string;
  /** `host:pid:thread:`. */
  readonly executor: string;
  readonly toolVersion: string;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly endedAt: string | undefined;
  readonly end: RunEnd | undefined;
  /** From its start to its end, or to now. */
  readonly elapsedSeconds: number;
  /** Since it last wrote its row; of a run that lives, some 2 s. */
  readonly silentSeconds: number;
}

/** How far a run was at one moment. */
export interface Sample {
  readonly epoch: number;
  readonly at: string;
  readonly phase: RunPhase;
  readonly documents: number;
  readonly bytes: number;
  readonly cleaned: number;
  readonly inFlight: number;
  readonly retries: number;
  readonly failures: number;
}

/** So many samples of one migration are kept; when there are more, every other one of each run goes. */
export const MAX_SAMPLES = 500;

/** Begins the row of a run; those of earlier processes that died without a word are ended as `killed`. */
export const insertRun = async (
  db: Queryable,
  fence: Fence,
  run: { readonly command: string; readonly executor: string; readonly toolVersion: string },
): Promise<void> => {
  await db.query(
    `UPDATE archive_mover_run SET ended_at = updated_at, outcome = 'killed', hold = 'none'
      WHERE migration_id = $1 AND epoch < $2 AND ended_at IS NULL`,
    [fence.id, fence.epoch],
  );
  await db.query(
    `INSERT INTO archive_mover_run (migration_id, epoch, command, executor, tool_version, phase)
     SELECT id, epoch, $3, $4, $5, 'preparing' FROM archive_mover_migration WHERE id = $1 AND epoch = $2
     ON CONFLICT DO NOTHING`,
    [fence.id, fence.epoch, run.command, run.executor, run.toolVersion],
  );
};

/** Writes how far the run is, and with `end` how it ended, after which its row does not change any more. */
export const saveRun = async (db: Queryable, fence: Fence, progress: RunProgress, end?: RunEnd): Promise<void> => {
  await db.query(
    `UPDATE archive_mover_run
        SET updated_at = clock_timestamp(), phase = $3, hold = $4, control_seen = $5, planned = $6, planned_bytes = $7,
            done_before = $8, documents = $9, bytes = $10, to_clean = $11, cleaned = $12, in_flight = $13, retries = $14,
            failures = $15, switched = $16, switch_seconds = $17, paused_seconds = $18,
            ended_at = CASE WHEN $19::text IS NULL THEN NULL ELSE clock_timestamp() END,
            outcome = $19, exit_code = $20, error_text = $21
      WHERE migration_id = $1 AND epoch = $2 AND ended_at IS NULL`,
    [
      fence.id,
      fence.epoch,
      progress.phase,
      progress.hold,
      progress.controlSeen,
      progress.planned,
      progress.plannedBytes,
      progress.doneBefore,
      progress.documents,
      progress.bytes,
      progress.toClean,
      progress.cleaned,
      progress.inFlight,
      progress.retries,
      progress.failures,
      progress.switched,
      progress.switchSeconds ?? null,
      progress.pausedSeconds,
      end?.outcome ?? null,
      end?.exitCode ?? null,
      end?.errorText ?? null,
    ],
  );
};

/** Adds a sample. true: there were more than `MAX_SAMPLES`, and they were thinned. */
export const addSample = async (db: Queryable, fence: Fence, progress: RunProgress): Promise<boolean> => {
  const { rows } = await db.query<{ count: number }>(
    `WITH added AS (
       INSERT INTO archive_mover_sample (migration_id, epoch, phase, documents, bytes, cleaned, in_flight, retries, failures)
       SELECT migration_id, epoch, $3, $4, $5, $6, $7, $8, $9 FROM archive_mover_run WHERE migration_id = $1 AND epoch = $2
       ON CONFLICT DO NOTHING)
     SELECT count(*) AS count FROM archive_mover_sample WHERE migration_id = $1`,
    [
      fence.id,
      fence.epoch,
      progress.phase,
      progress.documents,
      progress.bytes,
      progress.cleaned,
      progress.inFlight,
      progress.retries,
      progress.failures,
    ],
  );
  if ((rows[0]?.count ?? 0) < MAX_SAMPLES) return false;
  await db.query(
    `DELETE FROM archive_mover_sample s USING (
       SELECT epoch, at, row_number() OVER (PARTITION BY epoch ORDER BY at) AS place
         FROM archive_mover_sample WHERE migration_id = $1) p
      WHERE s.migration_id = $1 AND s.epoch = p.epoch AND s.at = p.at AND p.place % 2 = 0`,
    [fence.id],
  );
  return true;
};

interface Row {
  migration_id: number;
  epoch: number;
  command: string;
  executor: string;
  tool_version: string;
  started_at: string;
  updated_at: string;
  ended_at: string | null;
  elapsed_seconds: number;
  silent_seconds: number;
  outcome: string | null;
  exit_code: number | null;
  error_text: string | null;
  phase: RunPhase;
  hold: Hold;
  control_seen: number;
  planned: number;
  planned_bytes: number;
  done_before: number;
  documents: number;
  bytes: number;
  to_clean: number;
  cleaned: number;
  in_flight: number;
  retries: number;
  failures: number;
  switched: number;
  switch_seconds: number | null;
  paused_seconds: number;
}

const SELECT = `
  SELECT r.*, extract(epoch FROM coalesce(ended_at, clock_timestamp()) - started_at)::double precision AS elapsed_seconds,
         extract(epoch FROM clock_timestamp() - updated_at)::double precision AS silent_seconds
    FROM archive_mover_run r`;

const fromRow = (row: Row): RunRecord => ({
  migrationId: row.migration_id,
  epoch: row.epoch,
  command: row.command,
  executor: row.executor,
  toolVersion: row.tool_version,
  startedAt: row.started_at,
  updatedAt: row.updated_at,
  endedAt: row.ended_at ?? undefined,
  end:
    row.ended_at === null
      ? undefined
      : {
          outcome: row.outcome ?? 'killed',
          exitCode: row.exit_code ?? undefined,
          errorText: row.error_text ?? undefined,
        },
  elapsedSeconds: row.elapsed_seconds,
  silentSeconds: row.silent_seconds,
  phase: row.phase,
  hold: row.hold,
  controlSeen: row.control_seen,
  planned: row.planned,
  plannedBytes: row.planned_bytes,
  doneBefore: row.done_before,
  documents: row.documents,
  bytes: row.bytes,
  toClean: row.to_clean,
  cleaned: row.cleaned,
  inFlight: row.in_flight,
  retries: row.retries,
  failures: row.failures,
  switched: row.switched,
  switchSeconds: row.switch_seconds ?? undefined,
  pausedSeconds: row.paused_seconds,
});

/** Whether the journal tells of runs: not before a version of this tool that does has run here. */
export const hasRuns = async (db: Queryable): Promise<boolean> => {
  const { rows } = await db.query<{ found: boolean }>(`SELECT to_regclass('archive_mover_run') IS NOT NULL AS found`);
  return rows[0]?.found === true;
};

/** The runs of a migration, the first one first. */
export const listRuns = async (db: Queryable, id: number): Promise<readonly RunRecord[]> => {
  const { rows } = await db.query<Row>(`${SELECT} WHERE migration_id = $1 ORDER BY epoch`, [id]);
  return rows.map(fromRow);
};

/** The run of a migration, without an id of any, that was the last to give a sign of life. */
export const findNewestRun = async (db: Queryable, id?: number): Promise<RunRecord | undefined> => {
  const { rows } = await db.query<Row>(
    `${SELECT} WHERE $1::integer IS NULL OR migration_id = $1
      ORDER BY updated_at DESC, epoch DESC LIMIT 1`,
    [id ?? null],
  );
  return rows[0] && fromRow(rows[0]);
};

/** The samples of a migration's runs, in their order. */
export const listSamples = async (db: Queryable, id: number): Promise<readonly Sample[]> => {
  const { rows } = await db.query<Sample>(
    `SELECT epoch, at, phase, documents, bytes, cleaned, in_flight AS "inFlight", retries, failures
       FROM archive_mover_sample WHERE migration_id = $1 ORDER BY epoch, at`,
    [id],
  );
  return rows;
};
