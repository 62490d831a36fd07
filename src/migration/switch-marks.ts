import type { Database, Queryable } from '../database/database.ts';
import { type Fence, takeTime } from './migration-store.ts';
import { analyzeJournal } from './plan-store.ts';

/**
 * The switch's transaction says of all copied documents at once that they are switched (`unmarked`), and holds the archive
 * no longer than that takes; their own records follow after it. In between, `copied` in a migration that is `unmarked`
 * means `switched`.
 */

/** Says so, in the switch's transaction. */
export const leaveUnmarked = async (tx: Queryable, fence: Fence): Promise<void> => {
  await tx.query('UPDATE archive_mover_migration SET unmarked = true WHERE id = $1 AND epoch = $2', [
    fence.id,
    fence.epoch,
  ]);
};

/**
 * Brings the records up to it. Needs no fence: whoever does it, it is true, and it is done once. Whoever takes the
 * migration lock does it before anything else (rule R5).
 */
export const markSwitchedDocuments = async (db: Database): Promise<void> => {
  const { rows } = await db.query<{ id: number }>('SELECT id FROM archive_mover_migration WHERE unmarked');
  for (const { id } of rows) {
    await db.transaction(async (tx) => {
      await takeTime(tx);
      const { count } = await tx.query(
        'UPDATE archive_mover_migration SET unmarked = false WHERE id = $1 AND unmarked',
        [id],
      );
      if (count === 0) return;
      await tx.query(
        `UPDATE archive_mover_document SET state = 'switched' WHERE migration_id = $1 AND state = 'copied'`,
        [id],
      );
      await analyzeJournal(tx); // of states that are new to it the planner expects few, and looks for them everywhere
    });
  }
};
