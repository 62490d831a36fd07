import { AppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';

/** What the process that works on a migration is asked to do, by other processes; undefined: no limit. */
export interface Control {
  /** Raised by each change: a run says which one it goes by. */
  readonly revision: number;
  readonly paused: boolean;
  readonly bandwidthBytesPerSecond: number | undefined;
  readonly requestsPerSecond: number | undefined;
  readonly concurrency: number | undefined;
  /** Who set it, and when (ISO 8601 in UTC, by the database's clock). */
  readonly setBy: string | undefined;
  readonly setAt: string | undefined;
}

/** What is left out stays as it is; null takes a limit away. */
export interface ControlChange {
  readonly paused?: boolean;
  readonly bandwidthBytesPerSecond?: number | null;
  readonly requestsPerSecond?: number | null;
  readonly concurrency?: number | null;
}

interface Row {
  revision: number;
  paused: boolean;
  bandwidth_bytes_per_second: number | null;
  requests_per_second: number | null;
  concurrency: number | null;
  set_by: string | null;
  set_at: string | null;
}

const fromRow = (row: Row): Control => ({
  revision: row.revision,
  paused: row.paused,
  bandwidthBytesPerSecond: row.bandwidth_bytes_per_second ?? undefined,
  requestsPerSecond: row.requests_per_second ?? undefined,
  concurrency: row.concurrency ?? undefined,
  setBy: row.set_by ?? undefined,
  setAt: row.set_at ?? undefined,
});

/** undefined where nobody has ever asked for anything. */
export const findControl = async (db: Queryable, id: number): Promise<Control | undefined> => {
  const { rows } = await db.query<Row>('SELECT * FROM archive_mover_control WHERE migration_id = $1', [id]);
  return rows[0] && fromRow(rows[0]);
};

/** Changes what is asked of the process that works on the migration; returns all of it. */
export const changeControl = async (
  db: Queryable,
  id: number,
  change: ControlChange,
  setBy: string,
): Promise<Control> => {
  const { bandwidthBytesPerSecond, requestsPerSecond, concurrency } = change;
  const { rows } = await db.query<Row>(
    `INSERT INTO archive_mover_control AS c (migration_id, revision, paused, bandwidth_bytes_per_second, requests_per_second,
                                             concurrency, set_by, set_at)
     VALUES ($1, 1, coalesce($2, false), $4, $6, $8, $9, clock_timestamp())
     ON CONFLICT (migration_id) DO UPDATE
        SET revision = c.revision + 1,
            paused = coalesce($2, c.paused),
            bandwidth_bytes_per_second = CASE WHEN $3 THEN $4 ELSE c.bandwidth_bytes_per_second END,
            requests_per_second = CASE WHEN $5 THEN $6 ELSE c.requests_per_second END,
            concurrency = CASE WHEN $7 THEN $8 ELSE c.concurrency END,
            set_by = $9, set_at = clock_timestamp()
     RETURNING *`,
    [
      id,
      change.paused ?? null,
      bandwidthBytesPerSecond !== undefined,
      bandwidthBytesPerSecond ?? null,
      requestsPerSecond !== undefined,
      requestsPerSecond ?? null,
      concurrency !== undefined,
      concurrency ?? null,
      setBy,
    ],
  );
  const row = rows[0];
  if (row === undefined) throw new AppError('internal', 'the control row was written and not returned');
  return fromRow(row);
};
