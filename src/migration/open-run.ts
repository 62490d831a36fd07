import type { Store } from '../archive/store.ts';
import type { Session } from '../database/database.ts';
import { relateStores, type Relation } from './aliases.ts';
import { getMigration, insertMigration, type NewMigration, type StoreRecord, takeOver } from './migration-store.ts';
import { heedConditions, refuseEmptySelection } from './preflight.ts';
import { readHeartbeats } from './quiescence.ts';
import type { Environment, MigrateRequest, RunOptions, Side } from './requests.ts';
import type { Run } from './run.ts';
import { haveIdenticalUrls, planScope } from './scope.ts';

const prepareStores = async (env: Environment, request: MigrateRequest, online: boolean): Promise<Relation> => {
  await request.to.store.driver.prepare(env.signal);
  await heedConditions(env, request, online);
  return relateStores(request.from.store, request.to.store, env.signal);
};

/**
 * Prepares the stores, and creates the migration or takes over the one with the id: from here on, an earlier process's
 * writes are void.
 */
export const openRun = async (
  env: Environment,
  request: MigrateRequest,
  options: RunOptions,
  session: Session,
  foundId: number | undefined,
): Promise<Run> => {
  const { db, log } = env;
  const { online } = options;
  const checkedAtMs = performance.now();
  const found = foundId === undefined ? undefined : await getMigration(db, foundId);
  const scope = found?.scope ?? planScope(request.from.store.driver, request.from.archive, request.buckets);
  if (found === undefined) await refuseEmptySelection(db, scope);
  // To end a migration nothing needs to be written: its destination may be full, or gone.
  const relation = options.ending === true ? { sharedNamespace: false } : await prepareStores(env, request, online);
  const destinationWasEmpty = found?.destinationWasEmpty ?? (await isEmpty(request.to.store, env.signal));
  const heartbeats = await readHeartbeats(db);
  const { id, epoch } = await db.transaction(async (tx) => {
    const id =
      found?.id ??
      (await insertMigration(
        tx,
        describeMigration(env, request, options, destinationWasEmpty),
        env.executorId,
        online,
      ));
    const moving = found?.phase === 'moving'; // neither configuration reads all: only going on helps
    const epoch = await takeOver(tx, id, env.executorId, {
      keepSource: request.keepSource && !moving,
      move: request.move || moving,
      fromConfig: request.from.config,
      toConfig: request.to.config,
    });
    return { id, epoch };
  });
  log.info(`Migration Task Id: ${id}`);
  const record = await getMigration(db, id);
  env.progress({ type: 'started', record, epoch, resumed: found !== undefined });
  return {
    db,
    session,
    from: request.from.store,
    to: request.to.store,
    record,
    executor: env.executorId,
    epoch,
    readBack: request.readBack,
    sharedNamespace: relation.sharedNamespace,
    force: request.force,
    checkedAtMs,
    heartbeats,
    online,
    settings: env.settings,
    faults: env.faults,
    log,
    signal: AbortSignal.any([env.signal, session.lost]),
    progress: env.progress,
    gate: env.gate,
  };
};

/** What the journal will say of a new migration. */
export const describeMigration = (
  env: Pick<Environment, 'toolVersion'>,
  request: MigrateRequest,
  options: Pick<RunOptions, 'rollsBack'>,
  destinationWasEmpty: boolean,
): NewMigration => ({
  kind: options.rollsBack === undefined ? 'migrate' : 'rollback',
  rollsBack: options.rollsBack,
  from: storeRecord(request.from),
  to: storeRecord(request.to),
  scope: planScope(request.from.store.driver, request.from.archive, request.buckets),
  identicalUrls: haveIdenticalUrls(request.from.store.driver, request.to.store.driver),
  destinationWasEmpty,
  keepSource: request.keepSource,
  move: request.move,
  toolVersion: env.toolVersion,
});

const storeRecord = ({ store, config }: Side): StoreRecord => ({
  ...store.identity,
  config,
  codec: store.codec,
});

/**
 * Whether the store holds nothing: then what appears in it is ours, and nothing has to be looked at before it is written. A
 * listing that may lag is enough: what it has missed, `create` finds, which never overwrites what stands there.
 */
const isEmpty = async ({ driver }: Store, signal: AbortSignal): Promise<boolean> => {
  for await (const _ of driver.list(signal)) return false;
  return true;
};
