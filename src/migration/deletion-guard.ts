import { AppError } from '../core/errors.ts';
import { holdsAdvisoryLock } from '../database/advisory-lock.ts';
import { findCurrentStore } from './current-store.ts';
import type { DeletionGuard } from './deletion.ts';
import { MIGRATION_LOCK } from './lock.ts';
import { lockLost } from './migration-store.ts';
import type { Run } from './run.ts';

/**
 * What guards deletes of this run in one of its stores. Where both give documents the same URLs, rows speak for the store
 * that is current, which the last switch has recorded (rule R8). Throws `refused.not-current` where a source is to be
 * cleaned that is current again.
 */
export const guardDeletes = async (run: Run, side: 'source' | 'destination'): Promise<DeletionGuard> => {
  const { db, record, epoch, session } = run;
  const stillOurs = async (): Promise<void> => {
    if (!(await holdsAdvisoryLock(session, MIGRATION_LOCK))) throw lockLost({ id: record.id, epoch });
  };
  if (!record.identicalUrls) return { migrationId: record.id, rowsNameOtherStore: false, stillOurs };
  const current = (await findCurrentStore(db))?.fingerprint ?? record.from.fingerprint;
  if (side === 'source' && current !== record.to.fingerprint) {
    throw new AppError(
      'refused.not-current',
      `the archive is not in ${record.to.description} any more: ${record.from.description} is not cleaned`,
    );
  }
  return {
    migrationId: record.id,
    rowsNameOtherStore: current !== (side === 'source' ? record.from.fingerprint : record.to.fingerprint),
    stillOurs,
  };
};
