import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../core/errors.ts';
import type { Database, Session } from './database.ts';

const ROUNDS = 3;
/** A server itself answers at once; a pooler may have no connection left while the other session is in its transaction. */
const ANSWER_TIMEOUT_MS = 10_000;

const getBackendPid = async (session: Session): Promise<number> => {
  const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid;
  if (pid === undefined) throw new AppError('internal', 'the server has no process id');
  return pid;
};

/** A setting that PostgreSQL keeps for the life of a session; a pooler that switches servers loses or resets it. */
const MARK = 'anchore_manager.session_mark';

/** Marks a session, so that `keepsSession` can tell later, for one statement, whether it is still the same. */
export const markSession = async (session: Session): Promise<string> => {
  const mark = randomUUID();
  await session.query(`SELECT set_config('${MARK}', $1, false)`, [mark]);
  return mark;
};

export const keepsSession = async (session: Session, mark: string): Promise<boolean> => {
  const { rows } = await session.query<{ mark: string | null }>(`SELECT current_setting('${MARK}', true) AS mark`);
  return rows[0]?.mark === mark;
};

/**
 * Whether a pooler gives each transaction another session, which would void session locks (rule R18). A pooler hands out
 * the server connection that was used last, so a session alone keeps its own; therefore another session holds that one in a
 * transaction, while the first is asked again.
 */
export const isPooled = async (db: Database): Promise<boolean> => {
  if (db.kind === 'embedded') return false;
  await using asked = await db.openSession();
  const pid = await getBackendPid(asked);
  const mark = await markSession(asked);
  for (let round = 0; round < ROUNDS; round += 1) {
    await using other = await db.openSession();
    const changed = await other.transaction(async (tx) => {
      await tx.query('SELECT 1');
      const same = keepsSession(asked, mark).then(async (kept) => kept && (await getBackendPid(asked)) === pid);
      // If the timeout wins, the answer comes when this transaction has ended, and says nothing any more.
      same.catch(() => undefined);
      return !(await Promise.race([same, sleep(ANSWER_TIMEOUT_MS, false, { ref: false })]));
    });
    if (changed) return true;
  }
  return false;
};
