import { describeLockHolder, findLockHolder, tryAdvisoryLock } from '../database/advisory-lock.ts';
import type { Database, Session } from '../database/database.ts';
import { isPooled } from '../database/pooler-detection.ts';
import { AppError } from '../core/errors.ts';

/** The advisory lock that Anchore's own tool takes too. Source: COMPATIBILITY.md. */
export const MIGRATION_LOCK = { classId: 2, objectId: 1 } as const;

/**
 * The session that holds the migration lock, for as long as it lives. Never waits: throws `refused.lock-held`, naming the
 * holder, or `refused.pooler` where a pooler voids session locks (rule R18). On the embedded database the folder's lock
 * already keeps others out.
 */
export const openLockSession = async (db: Database): Promise<Session> => {
  if (db.kind === 'postgres' && (await isPooled(db))) {
    throw new AppError(
      'refused.pooler',
      `${db.description} is reached through a pooler in transaction mode, where locks mean nothing`,
    );
  }
  const session = await db.openSession();
  try {
    if (await tryAdvisoryLock(session, MIGRATION_LOCK)) return session;
    const holder = await findLockHolder(session, MIGRATION_LOCK);
    throw new AppError(
      'refused.lock-held',
      `another migration runs: ${holder === undefined ? 'it has just ended or begun' : describeLockHolder(holder)}`,
    );
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
};

/** Whether somebody holds the migration lock now. */
export const isLockHeld = async (db: Database): Promise<boolean> =>
  (await findLockHolder(db, MIGRATION_LOCK)) !== undefined;
