import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../core/errors.ts';
import type { Run } from './run.ts';

/**
 * Waits until no standby could forget the switch (rule R4): each has flushed what the server had written when this began.
 * Throws `refused.replication-behind` after a while, and where the role may not see how far they are.
 */
export const waitForStandbys = async (run: Run): Promise<void> => {
  const { db, settings, signal } = run;
  if (db.kind === 'embedded') return;
  const { rows } = await db.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
  const deadline = Date.now() + settings.standbyTimeoutMs;
  for (;;) {
    const behind = await findBehind(run, rows[0]?.lsn ?? '');
    if (behind.length === 0) return;
    if (Date.now() > deadline) {
      throw new AppError('refused.replication-behind', `standby ${behind.join(', ')} has not confirmed the switch`, {
        remedy:
          'Wait until it has caught up, then run clean. If its state is hidden from the role, GRANT pg_monitor to it.',
      });
    }
    await sleep(500, undefined, { signal });
  }
};

const findBehind = async ({ db }: Run, lsn: string): Promise<readonly string[]> => {
  const { rows } = await db.query<{ name: string }>(
    `SELECT coalesce(nullif(application_name, ''), 'with pid ' || pid) AS name FROM pg_stat_replication
      WHERE state IS DISTINCT FROM 'backup' AND (flush_lsn IS NULL OR flush_lsn < $1::pg_lsn)`,
    [lsn],
  );
  return rows.map((row) => row.name);
};
