import { AppError, isAppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import type { StoreCondition } from '../drivers/contract.ts';
import { refuseUnlessCurrent } from './current-store.ts';
import { refuseWhileServicesRun } from './quiescence.ts';
import type { Environment, MigrateRequest } from './requests.ts';
import { listBuckets } from './plan-store.ts';
import { haveIdenticalUrls, type Scope } from './scope.ts';

/**
 * Everything that can refuse a migration before anything is written, in the order in which a person would want to know.
 * `online`: services may run (precopy). `rowsMoved`: the migration that is continued has been switched already.
 */
export const refuseUnsafe = async (
  env: Environment,
  request: MigrateRequest,
  { online, rowsMoved }: { readonly online: boolean; readonly rowsMoved: boolean },
): Promise<void> => {
  const from = request.from.store;
  const to = request.to.store;
  await refuseUnsafeDatabase(env.db);
  if (from.identity.fingerprint === to.identity.fingerprint) {
    throw new AppError('refused.same-store', `source and destination are the same: ${from.identity.description}`);
  }
  if (haveIdenticalUrls(from.driver, to.driver)) {
    const option = request.skipFailed
      ? '--skip-failed'
      : request.move
        ? '--move'
        : request.buckets.length > 0
          ? '--bucket'
          : '';
    if (option !== '') {
      throw new AppError(
        'refused.identical-urls',
        `${from.identity.description} and ${to.identity.description} give documents the same URLs: ${option} would leave rows that name neither for sure`,
      );
    }
  }
  if (!request.force && !rowsMoved) await refuseUnlessCurrent(env.db, from);
  if (!online) await heedServices(env, request.force);
};

/** With --force, what runs is said and not heeded. */
const heedServices = async ({ db, log }: Environment, force: boolean): Promise<void> => {
  try {
    await refuseWhileServicesRun(db);
  } catch (error) {
    if (!force || !isAppError(error, 'refused.services-running')) throw error;
    log.warn(`Going on because of --force: ${error.message}`);
  }
};

/** Conditions that the stores report; those that do not refuse are warned about. Needs the destination prepared. */
export const heedConditions = async (env: Environment, request: MigrateRequest, online: boolean): Promise<void> => {
  const cleaning = !request.keepSource && !online;
  const source = (await request.from.store.driver.inspect(env.signal)).filter((c) => c.concerns !== 'writing');
  const destination = (await request.to.store.driver.inspect(env.signal)).filter((c) => c.concerns !== 'cleaning');
  const heed = (condition: StoreCondition, applies: boolean, name: string): void => {
    const overridden = condition.forceable && request.force;
    if (condition.severity === 'refuse' && applies && !overridden) throw condition.error;
    const why = condition.severity === 'refuse' && applies ? 'going on because of --force: ' : '';
    env.log.warn(`${name}: ${why}${condition.error.message}`);
  };
  for (const condition of source) heed(condition, cleaning, 'source');
  for (const condition of destination) heed(condition, true, 'destination');
};

const refuseUnsafeDatabase = async (db: Database): Promise<void> => {
  if (db.kind === 'embedded') return; // it never syncs by itself; `Database.sync` does before anything is deleted
  const { rows } = await db.query<{ fsync: string }>(`SELECT current_setting('fsync') AS fsync`);
  if (rows[0]?.fsync !== 'on') {
    throw new AppError(
      'refused.unsafe-database',
      `${db.description} runs with fsync = ${rows[0]?.fsync}: a power cut could undo the switch after the source was deleted`,
    );
  }
};

/** Throws `refused.no-documents` where --bucket was given and matches nothing. */
export const refuseEmptySelection = async (db: Database, scope: Scope): Promise<void> => {
  if (scope.buckets === null) return;
  const buckets = await listBuckets(db, scope);
  const missing = scope.buckets.filter((bucket) => !buckets.includes(bucket));
  if (missing.length === 0) return;
  throw new AppError(
    'refused.no-documents',
    `--bucket ${missing.join(', ')} matches no document; the archive has ${buckets.length === 0 ? 'none at all' : buckets.join(', ')}`,
  );
};
