import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import { changeControl, type ControlChange } from '../migration/control-store.ts';
import { isLockHeld } from '../migration/lock.ts';
import { findNewestRun, hasRuns, type RunRecord } from '../migration/run-store.ts';

/** How long a request waits for the answer of the process that it is for, and how often it looks. */
const ANSWER_MS = 30_000;
const LOOK_MS = 300;

/** The run of a migration that goes on just now, in whatever process; undefined where none does. */
export const findLiveRun = async (db: Database, id: number): Promise<RunRecord | undefined> => {
  if (!(await hasRuns(db))) return undefined;
  // Only one process has the lock, so only the newest run of all can be alive.
  const newest = await findNewestRun(db);
  const lives = newest?.migrationId === id && newest.end === undefined && (await isLockHeld(db));
  return lives ? newest : undefined;
};

/** Throws `usage.invalid` where it does not run. */
export const getLiveRun = async (db: Database, id: number): Promise<RunRecord> => {
  const run = await findLiveRun(db, id);
  if (run !== undefined) return run;
  throw new AppError('usage.invalid', `migration ${id} does not run now`, {
    remedy: `See show-migration ${id}; resume ${id} continues it where it is unfinished.`,
  });
};

const whoAsks = (): string => {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname(); // the user has no name on this machine
  }
};

/**
 * Asks the process that works on a migration for something, and waits until it has answered and `isDone`, or has ended, or some
 * time has passed. Returns its run as it then is; `answered` tells whether it goes by what was asked.
 */
export const askRun = async (
  db: Database,
  run: RunRecord,
  change: ControlChange,
  signal: AbortSignal,
  isDone: (run: RunRecord) => boolean = () => true,
): Promise<{ readonly run: RunRecord; readonly answered: boolean }> => {
  const { revision } = await changeControl(db, run.migrationId, change, whoAsks());
  const untilMs = performance.now() + ANSWER_MS;
  for (;;) {
    await sleep(LOOK_MS, undefined, { signal });
    const now = (await findNewestRun(db, run.migrationId)) ?? run;
    const answered = now.controlSeen >= revision;
    if ((answered && isDone(now)) || now.end !== undefined || performance.now() > untilMs)
      return { run: now, answered };
  }
};
