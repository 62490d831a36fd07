import { AppError } from '../core/errors.ts';
import { holdsAdvisoryLock } from '../database/advisory-lock.ts';
import { findCurrentStores } from './current-store.ts';
import type { DeletionGuard } from './deletion.ts';
import { MIGRATION_LOCK } from './lock.ts';
import { lockLost } from './migration-store.ts';
import type { Run } from './run.ts';
import { archiveOf } from './scope.ts';

/**
 * What guards deletes of this run in one of its stores. Where both give documents the same URLs, rows speak for the store
 * that is current, which the last switch of their archive has recorded (rule R8). Throws `refused.not-current` where a source is to be
 * cleaned that is current again.
 */
export const guardDeletes = async (run: Run, side: 'source' | 'destination'): Promise<DeletionGuard> => {
  const { db, record, epoch, session } = run;
  const stillOurs = async (): Promise<void> => {
    if (!(await holdsAdvisoryLock(session, MIGRATION_LOCK))) throw lockLost({ id: record.id, epoch });
  };
  if (!record.identicalUrls) return { migrationId: record.id, rowsNameOtherStore: false, stillOurs };
  const recorded = (await findCurrentStores(db, archiveOf(record.scope))).map(({ fingerprint }) => fingerprint);
  const current = recorded.length === 0 ? [record.from.fingerprint] : recorded;
  const isBack = current.includes(record.from.fingerprint) || !current.includes(record.to.fingerprint);
  if (side === 'source' && isBack) {
    throw new AppError(
      'refused.not-current',
      `the archive is not in ${record.to.description} any more: ${record.from.description} is not cleaned`,
    );
  }
  return {
    migrationId: record.id,
    rowsNameOtherStore: !current.includes(side === 'source' ? record.from.fingerprint : record.to.fingerprint),
    stillOurs,
  };
};
