import { describeLockHolder, findLockHolder, type LockHolder, tryAdvisoryLock } from '../database/advisory-lock.ts';
import type { Database, Session } from '../database/database.ts';
import { isPooled } from '../database/pooler-detection.ts';
import { AppError } from '../core/errors.ts';
import { markSwitchedDocuments } from './switch-marks.ts';

/** The advisory lock that Anchore's own tool takes too. Source: COMPATIBILITY.md. */
export const MIGRATION_LOCK = { classId: 2, objectId: 1 } as const;

/**
 * The session that holds the migration lock, for as long as it lives. Never waits: throws `refused.lock-held`, naming the
 * holder, or `refused.pooler` where a pooler voids session locks (rule R18). On the embedded database the folder's lock
 * already keeps others out. First of all, what a switch has left to be marked in its journal is marked.
 */
export const openLockSession = async (db: Database): Promise<Session> => {
  await refusePooler(db);
  const session = await db.openSession();
  try {
    if (!(await tryAdvisoryLock(session, MIGRATION_LOCK))) {
      throw lockHeld(await findLockHolder(session, MIGRATION_LOCK));
    }
    await markSwitchedDocuments(db);
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
};

/** Throws `refused.pooler`. */
export const refusePooler = async (db: Database): Promise<void> => {
  if (db.kind === 'embedded' || !(await isPooled(db))) return;
  throw new AppError(
    'refused.pooler',
    `${db.description} is reached through a pooler in transaction mode, where locks mean nothing`,
  );
};

/** Throws `refused.lock-held` while another run goes on, without taking the lock itself. */
export const refuseLockHeld = async (db: Database): Promise<void> => {
  const holder = await findLockHolder(db, MIGRATION_LOCK);
  if (holder !== undefined) throw lockHeld(holder);
};

const lockHeld = (holder: LockHolder | undefined): AppError =>
  new AppError(
    'refused.lock-held',
    `another migration runs: ${holder === undefined ? 'it has just ended or begun' : describeLockHolder(holder)}`,
  );

/** Whether somebody holds the migration lock now. */
export const isLockHeld = async (db: Database): Promise<boolean> =>
  (await findLockHolder(db, MIGRATION_LOCK)) !== undefined;
