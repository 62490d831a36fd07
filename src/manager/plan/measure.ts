import { toAppError } from '../../core/errors.ts';
import type { Store } from '../../archive/store.ts';
import type { Database } from '../../database/database.ts';
import type { Driver } from '../../drivers/contract.ts';
import type { Limits } from '../../drivers/wrappers/limits.ts';
import { measureDriver, type MeasuredDriver } from '../../drivers/wrappers/measure.ts';
import { hasProbes, MAX_PROBES, ProbeDriver, removeProbes } from '../../drivers/wrappers/under-probe-names.ts';
import { type Rehearsal, rehearse } from '../../migration/rehearse.ts';
import type { Environment, MigrateRequest } from '../../migration/requests.ts';
import type { LoadedConfig } from '../load-configs.ts';
import type { CommandContext } from '../context.ts';
import { type MeasuredTraffic, type Traffic, trafficOf } from './limited-pace.ts';
import { openPlanned, type PlannedStore } from './open-stores.ts';

/** How long the measured part lasts, about; in seconds. */
const MEASURED_SECONDS = 4;
const MEASURED_DOCUMENTS = 2_000;

export interface MeasureRequest {
  readonly request: MigrateRequest;
  readonly from: LoadedConfig;
  readonly to: LoadedConfig;
  /** Where to write: the destination, or a folder beside the place where it will be. */
  readonly destination: PlannedStore;
  readonly destinationIsEmpty: boolean;
  /** The table of the destination is not there yet: it is created in the transaction that is rolled back. */
  readonly lacksTable: boolean;
  /** Stores that have to be opened once more are held to these too. */
  readonly limits: Limits;
}

export interface Measured {
  readonly rehearsal: Rehearsal;
  readonly traffic: MeasuredTraffic;
}

/**
 * Copies some documents to the destination, under names of our own, as the migration would, and removes them again. Throws
 * what stands in its way.
 */
export const measureMigration = async (
  context: CommandContext,
  env: Environment,
  { request, from, to, destination, destinationIsEmpty, lacksTable, limits }: MeasureRequest,
): Promise<Measured> => {
  const { db } = env;
  const target = destination.side.store;
  await using resources = new AsyncDisposableStack();
  let probing: ProbeDriver | undefined;
  const under = (store: Store): Store => {
    probing = new ProbeDriver(store.driver);
    return { ...store, driver: probing };
  };
  const watched: MeasuredDriver[] = [];
  // Not disposed of: the driver beneath belongs to whoever opened it.
  const watch = (store: Store): Store => {
    const driver = measureDriver(store.driver);
    watched.push(driver);
    return { ...store, driver };
  };
  let stores: readonly Traffic[] = [];
  // The embedded database has one connection, which the transaction holds.
  const reopened = async (database: Database, role: 'source' | 'destination'): Promise<Store> => {
    const { archive } = role === 'source' ? from : to;
    return resources.use(await openPlanned(context, database, archive, role, limits)).side.store;
  };
  const inside = (driver: Driver): boolean => driver.capabilities.inDatabase && (db.kind === 'embedded' || lacksTable);
  try {
    if (!lacksTable && (await hasProbes(target.driver, env.signal))) await removeProbes(target.driver, MAX_PROBES);
    const rehearsal = await rehearse(env, {
      ...request,
      destinationIsEmpty,
      maxDocuments: MEASURED_DOCUMENTS,
      seconds: MEASURED_SECONDS,
      copied: () => {
        stores = watched.map(({ measures }) => trafficOf(measures));
      },
      openStores: async (database) => ({
        from: watch(
          request.from.store.driver.capabilities.inDatabase && db.kind === 'embedded'
            ? await reopened(database, 'source')
            : request.from.store,
        ),
        to: watch(under(inside(target.driver) ? await reopened(database, 'destination') : target)),
      }),
    });
    return { rehearsal, traffic: { documents: rehearsal.tried, bytes: rehearsal.readBytes, stores } };
  } catch (error) {
    throw toAppError(error);
  } finally {
    if (probing !== undefined && !inside(target.driver)) await removeProbes(target.driver, probing.used);
  }
};
