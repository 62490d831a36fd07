import { AppError, isAppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Database } from '../database/database.ts';
import { findTables } from '../database/schema/schema-changes.ts';
import type { FitFinding } from '../migration/archive-fit.ts';
import { isLockHeld } from '../migration/lock.ts';
import { findUnfinished, type MigrationRecord } from '../migration/migration-store.ts';

const MIGRATIONS = 'archive_mover_migration';

/** A run that copies while services run (precopy) is none of their business; any other needs them stopped. */
const refuseWhileLocked = async (db: Database, unfinished: MigrationRecord | undefined): Promise<void> => {
  if (!(await isLockHeld(db))) return;
  const { rows } = await db.query<{ online: boolean }>(
    `SELECT coalesce(a.online_migration, false) AS online FROM archive_migration_tasks a JOIN tasks t ON t.id = a.id
      WHERE t.state = 'running' ORDER BY t.id DESC LIMIT 1`,
  );
  const [run] = rows;
  if (run?.online === true && (unfinished === undefined || unfinished.phase === 'copying')) return;
  const which = unfinished === undefined ? 'a migration' : `migration ${unfinished.id} (${unfinished.phase})`;
  throw new AppError('refused.migration-running', `${which} is running and needs the services stopped`);
};

/** Throws `refused.migration-running`; an unfinished migration that nobody works on gives a warning. */
export const refuseWhileMigrating = async (db: Database, log: Log): Promise<void> => {
  const unfinished = (await findTables(db, [MIGRATIONS])).size > 0 ? await findUnfinished(db) : undefined;
  await refuseWhileLocked(db, unfinished);
  if (unfinished !== undefined && unfinished.pause !== 'precopied')
    log.warn(`migration ${unfinished.id} (${unfinished.phase}) is unfinished: see show-migration ${unfinished.id}`);
};

/**
 * Throws the first finding for which a service must not start; the others are said. With `allowUnreadable` those too that
 * documents cannot be read: never that the archive has left the store.
 */
export const heedFindings = (findings: readonly FitFinding[], log: Log, allowUnreadable: boolean): void => {
  for (const finding of findings) {
    if (finding.severity === 'warn') log.warn(finding.text);
    else if (allowUnreadable && isAppError(finding.error, 'refused.unreadable-documents'))
      log.warn(`started with --allow-unreadable: ${finding.error.message}`);
    else throw finding.error;
  }
};
