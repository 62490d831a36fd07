import { AppError, isAppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import { refuseUnlessCurrent } from './current-store.ts';
import { refuseWhileServicesRun } from './quiescence.ts';
import type { Environment, MigrateRequest } from './requests.ts';
import { listBuckets } from './plan-store.ts';
import { haveIdenticalUrls, type Scope } from './scope.ts';

/** Something that may refuse a migration: resolves where it does not. */
export type Check = () => Promise<void>;

/**
 * Everything that can refuse a migration before its stores are written to, in the order in which a person would want to
 * know. `online`: services may run (precopy). `rowsMoved`: the migration that is continued has been switched already.
 * `hasJournal`: whether this tool's own tables are there already.
 */
export const planChecks = (
  env: Environment,
  request: MigrateRequest,
  { online, rowsMoved, hasJournal }: CheckChoice,
): readonly Check[] => {
  const { store, archive } = request.from;
  return [
    () => refuseUnsafeDatabase(env.db),
    () => refuseSameStore(request),
    () => refusePartOfIdenticalUrls(request),
    ...(request.force || rowsMoved || !hasJournal ? [] : [() => refuseUnlessCurrent(env.db, store, archive)]),
    ...(online ? [] : [() => heedServices(env, request.force)]),
  ];
};

export interface CheckChoice {
  readonly online: boolean;
  readonly rowsMoved: boolean;
  readonly hasJournal: boolean;
}

/** Throws what the first of them finds. */
export const refuseUnsafe = async (
  env: Environment,
  request: MigrateRequest,
  choice: Omit<CheckChoice, 'hasJournal'>,
): Promise<void> => {
  for (const check of planChecks(env, request, { ...choice, hasJournal: true })) await check();
};

const refuseSameStore = async ({ from, to }: MigrateRequest): Promise<void> => {
  if (from.store.identity.fingerprint !== to.store.identity.fingerprint) return;
  throw new AppError('refused.same-store', `source and destination are the same: ${from.store.identity.description}`);
};

const refusePartOfIdenticalUrls = async (request: MigrateRequest): Promise<void> => {
  const [from, to] = [request.from.store, request.to.store];
  if (!haveIdenticalUrls(from.driver, to.driver)) return;
  const options = [
    ...(request.skipFailed ? ['--skip-failed'] : []),
    ...(request.move ? ['--move'] : []),
    ...(request.buckets.length > 0 ? ['--bucket'] : []),
  ];
  if (options.length === 0) return;
  throw new AppError(
    'refused.identical-urls',
    `${from.identity.description} and ${to.identity.description} give documents the same URLs: ${options.join(', ')} would leave rows that name neither for sure`,
  );
};

/** Refuses while services run. With --force, what runs is said and not heeded. */
export const heedServices = async ({ db, log }: Pick<Environment, 'db' | 'log'>, force: boolean): Promise<void> => {
  try {
    await refuseWhileServicesRun(db);
  } catch (error) {
    if (!force || !isAppError(error, 'refused.services-running')) throw error;
    log.warn(`Going on because of --force: ${error.message}`);
  }
};

/** A condition that a store reports, and whether it refuses this migration. */
export interface JudgedCondition {
  readonly side: 'source' | 'destination';
  readonly refuses: boolean;
  /** It would refuse, but for --force. */
  readonly overridden: boolean;
  readonly error: AppError;
}

/** What a store says of itself, as far as it concerns this side of the migration. `cleaning`: the source will be cleaned. */
export const judgeConditions = async (
  env: Pick<Environment, 'signal'>,
  request: MigrateRequest,
  side: JudgedCondition['side'],
  cleaning: boolean,
): Promise<readonly JudgedCondition[]> => {
  const isSource = side === 'source';
  const { driver } = (isSource ? request.from : request.to).store;
  const conditions = (await driver.inspect(env.signal)).filter(
    ({ concerns }) => concerns !== (isSource ? 'writing' : 'cleaning'),
  );
  return conditions.map(({ severity, forceable, error }) => {
    const applies = severity === 'refuse' && (!isSource || cleaning);
    const overridden = applies && forceable && request.force;
    return { side, refuses: applies && !overridden, overridden, error };
  });
};

/** Conditions that the stores report; those that do not refuse are warned about. Needs the destination prepared. */
export const heedConditions = async (env: Environment, request: MigrateRequest, online: boolean): Promise<void> => {
  const cleaning = !request.keepSource && !online;
  for (const side of ['source', 'destination'] as const) {
    for (const { refuses, overridden, error } of await judgeConditions(env, request, side, cleaning)) {
      if (refuses) throw error;
      env.log.warn(`${side}: ${overridden ? 'going on because of --force: ' : ''}${error.message}`);
    }
  }
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
