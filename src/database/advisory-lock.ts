import type { Queryable, Session } from './database.ts';

/** Two keys of PostgreSQL's advisory locks, such as the migration's (2, 1). */
export interface AdvisoryLockKey {
  readonly classId: number;
  readonly objectId: number;
}

export interface LockHolder {
  readonly pid: number;
  readonly applicationName: string;
  /** undefined for a Unix socket, or where the role may not see it. */
  readonly clientAddress: string | undefined;
  readonly user: string | undefined;
  /** When the session began, ISO in UTC. */
  readonly since: string | undefined;
  /** `active`, `idle`, `idle in transaction` ... */
  readonly state: string | undefined;
}

/**
 * Takes the lock for as long as the session lives, without waiting. false: another session has it. On the embedded
 * database, which has one session, it always succeeds: there the folder's lock keeps others away.
 */
export const tryAdvisoryLock = async (session: Session, key: AdvisoryLockKey): Promise<boolean> => {
  const { rows } = await session.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1::int, $2::int) AS locked', [
    key.classId,
    key.objectId,
  ]);
  return rows[0]?.locked === true;
};

/** Gives it back. false: this session did not have it, so it had been lost before. */
export const releaseAdvisoryLock = async (session: Session, key: AdvisoryLockKey): Promise<boolean> => {
  const { rows } = await session.query<{ released: boolean }>(
    'SELECT pg_advisory_unlock($1::int, $2::int) AS released',
    [key.classId, key.objectId],
  );
  return rows[0]?.released === true;
};

/** Locks of two keys have objsubid 2 (PostgreSQL's documentation of pg_locks). They belong to one database of the server. */
const HELD_LOCK = `
  l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
  AND l.classid = $1::int::oid AND l.objid = $2::int::oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Who has the lock; undefined where it is free. What the role may not see of another's session is left out. */
export const findLockHolder = async (queryable: Queryable, key: AdvisoryLockKey): Promise<LockHolder | undefined> => {
  const { rows } = await queryable.query<{
    pid: number;
    application: string | null;
    address: string | null;
    role: string | null;
    since: string | null;
    state: string | null;
  }>(
    `SELECT l.pid, a.application_name AS application, host(a.client_addr) AS address, a.usename AS role,
            a.backend_start AS since, a.state
       FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE ${HELD_LOCK} LIMIT 1`,
    [key.classId, key.objectId],
  );
  const row = rows[0];
  return row === undefined
    ? undefined
    : {
        pid: row.pid,
        applicationName: row.application ?? '',
        clientAddress: row.address ?? undefined,
        user: row.role ?? undefined,
        since: row.since ?? undefined,
        state: row.state ?? undefined,
      };
};

/** Whether this very session still has the lock: it has not been given another connection in between. */
export const holdsAdvisoryLock = async (session: Session, key: AdvisoryLockKey): Promise<boolean> => {
  const { rows } = await session.query<{ held: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_locks l WHERE ${HELD_LOCK} AND l.pid = pg_backend_pid()) AS held`,
    [key.classId, key.objectId],
  );
  return rows[0]?.held === true;
};

/** For a person: `process 4711 of the server (anchore-manager, user postgres, from 10.0.0.7, connected since ..., idle)`. */
export const describeLockHolder = (holder: LockHolder): string => {
  const details = [
    holder.applicationName === '' ? undefined : holder.applicationName,
    holder.user === undefined ? undefined : `user ${holder.user}`,
    holder.clientAddress === undefined ? undefined : `from ${holder.clientAddress}`,
    holder.since === undefined ? undefined : `connected since ${holder.since}`,
    holder.state,
  ].filter((detail) => detail !== undefined);
  return `process ${holder.pid} of the database server${details.length === 0 ? '' : ` (${details.join(', ')})`}`;
};
