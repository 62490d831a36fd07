import type { Database } from '../database/database.ts';
import { findNewestSwitched } from './archives.ts';
import type { DocumentRecord } from './document-record.ts';
import { countReasons, countStates, pageDocuments, type StateCounts } from './document-store.ts';
import { isLockHeld } from './lock.ts';
import { getMigration, type MigrationRecord } from './migration-store.ts';
import { archiveName, archiveOf } from './scope.ts';

/** What a person wants to know of one migration. Times are ISO 8601 in UTC. */
export interface MigrationStatus {
  readonly record: MigrationRecord;
  readonly task: {
    readonly state: string;
    readonly executorId: string | null;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
    readonly lastUpdated: string | null;
  };
  /** The task says `running`, but nobody holds the migration lock: its owner is gone. */
  readonly interrupted: boolean;
  /** Which configuration reads the archive now. */
  readonly active: 'from' | 'to' | 'both-in-part' | 'elsewhere';
  readonly counts: StateCounts;
  readonly failures: ReadonlyMap<string, number>;
  readonly skipped: ReadonlyMap<string, number>;
}

const ISO = `'YYYY-MM-DD"T"HH24:MI:SS"Z"'`;

/** Throws `usage.invalid` where there is no such migration. */
export const getStatus = async (db: Database, id: number): Promise<MigrationStatus> => {
  const record = await getMigration(db, id);
  const { rows } = await db.query<{
    state: string;
    executor_id: string | null;
    started_at: string | null;
    ended_at: string | null;
    last_updated: string | null;
  }>(
    `SELECT state::text AS state, executor_id, to_char(started_at, ${ISO}) AS started_at,
            to_char(ended_at, ${ISO}) AS ended_at, to_char(last_updated, ${ISO}) AS last_updated FROM tasks WHERE id = $1`,
    [id],
  );
  const task = rows[0];
  const counts = await countStates(db, id);
  const state = task?.state ?? 'unknown';
  return {
    record,
    task: {
      state,
      executorId: task?.executor_id ?? null,
      startedAt: task?.started_at ?? null,
      endedAt: task?.ended_at ?? null,
      lastUpdated: task?.last_updated ?? null,
    },
    interrupted: record.pause === 'interrupted' || (state === 'running' && !(await isLockHeld(db))),
    active: await findActive(db, record, counts),
    counts,
    failures: await countReasons(db, id, 'failed'),
    skipped: await countReasons(db, id, 'skipped'),
  };
};

/** By what the newest switch of the same archive has made current: a later migration, or a rollback, may have moved it on. */
const findActive = async (
  db: Database,
  record: MigrationRecord,
  counts: StateCounts,
): Promise<MigrationStatus['active']> => {
  const newest = await findNewestSwitched(db, archiveName(archiveOf(record.scope)));
  if (newest === undefined || newest.id === record.id) {
    const leftBehind = record.move && record.switchedAt !== undefined && counts.failed > 0;
    return leftBehind ? 'both-in-part' : activeSide(record);
  }
  if (newest.toFingerprint === record.to.fingerprint) return 'to';
  return newest.toFingerprint === record.from.fingerprint ? 'from' : 'elsewhere';
};

/** The invariant in one line: the source until the switch has committed, then the destination. */
const activeSide = (record: MigrationRecord): MigrationStatus['active'] => {
  if (record.switchedAt === undefined) return 'from';
  switch (record.phase) {
    case 'copying':
      return 'to';
    case 'abandoned':
    case 'rolled-back':
      return 'from';
    case 'moving':
      return 'both-in-part';
    case 'switched':
    case 'cleaning':
    case 'cleaned':
      return 'to';
  }
};

/** The documents that did not arrive, in key order, a page at a time. */
export const pageExceptions = (
  db: Database,
  id: number,
  state: 'failed' | 'skipped',
): AsyncGenerator<readonly DocumentRecord[]> => pageDocuments(db, id, [state], 500);
