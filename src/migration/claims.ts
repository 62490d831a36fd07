import { AppError } from '../core/errors.ts';
import type { Database, Session } from '../database/database.ts';
import { type Fence, lockLost } from './migration-store.ts';

/**
 * Chunks of documents, claimed by workers. A worker lives exactly as long as its database session's advisory lock, so a
 * claim of a dead one is free at once, without any clock.
 */

/** The class of the advisory locks by which workers live; the second key is the worker's id. */
const WORKER_LOCK_CLASS = 0x616d;

export interface Chunk {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** Registers this process as a worker; its life is that of the session. */
export const registerWorker = async (
  db: Database,
  session: Session,
  migrationId: number,
  executor: string,
): Promise<number> => {
  const { rows } = await db.query<{ id: number }>(
    'INSERT INTO archive_mover_worker (migration_id, executor) VALUES ($1, $2) RETURNING id',
    [migrationId, executor],
  );
  const id = rows[0]?.id;
  if (id === undefined) throw new AppError('internal', 'no worker id');
  const lock = await session.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS held', [
    WORKER_LOCK_CLASS,
    id,
  ]);
  if (lock.rows[0]?.held !== true) throw new AppError('database.lock-lost', `worker ${id} cannot take its own lock`);
  return id;
};

/** The next chunk that nobody alive works on; undefined where none is left. */
export const claimChunk = async (db: Database, fence: Fence, worker: number): Promise<Chunk | undefined> => {
  const { rows } = await db.query<{ first_seq: number; last_seq: number }>(
    `WITH fence AS (SELECT id FROM archive_mover_migration WHERE id = $1 AND epoch = $2 FOR SHARE),
          next AS (SELECT c.first_seq FROM archive_mover_chunk c, fence
                    WHERE c.migration_id = fence.id AND NOT c.done
                      AND (c.worker_id IS NULL OR NOT EXISTS (
                            SELECT 1 FROM pg_locks l
                             WHERE l.locktype = 'advisory' AND l.classid = $4::integer::oid AND l.objid = c.worker_id::oid
                               AND l.objsubid = 2 AND l.granted
                               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())))
                    ORDER BY c.first_seq LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
     UPDATE archive_mover_chunk c SET worker_id = $3 FROM next
      WHERE c.migration_id = $1 AND c.first_seq = next.first_seq
     RETURNING c.first_seq, c.last_seq`,
    [fence.id, fence.epoch, worker, WORKER_LOCK_CLASS],
  );
  const row = rows[0];
  return row && { firstSeq: row.first_seq, lastSeq: row.last_seq };
};

export const finishChunk = async (db: Database, fence: Fence, worker: number, chunk: Chunk): Promise<void> => {
  const { count } = await db.query(
    `WITH fence AS (SELECT id FROM archive_mover_migration WHERE id = $1 AND epoch = $2 FOR SHARE)
     UPDATE archive_mover_chunk c SET done = true, worker_id = NULL FROM fence
      WHERE c.migration_id = fence.id AND c.first_seq = $3 AND c.worker_id = $4`,
    [fence.id, fence.epoch, chunk.firstSeq, worker],
  );
  if (count !== 1) throw lockLost(fence);
};
