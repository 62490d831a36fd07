import { resolve } from 'node:path';
import type { Store } from '../archive/store.ts';
import type { ArchiveConfig } from '../config/archive-section.ts';
import type { Database } from '../database/database.ts';
import type { Driver } from '../drivers/contract.ts';
import { openDriver } from '../drivers/registry.ts';
import { limitConcurrency } from '../drivers/wrappers/limit-concurrency.ts';
import { DEFAULT_RETRY, retryDriver } from '../drivers/wrappers/retry.ts';
import { limitTime } from '../drivers/wrappers/timeouts.ts';
import type { Side } from '../migration/requests.ts';
import type { ArchiveScope } from '../migration/scope.ts';
import type { CommandContext } from './context.ts';
import { PLACES } from './places.ts';

/** A store that ends with the scope in which it was opened. */
export interface OpenSide extends AsyncDisposable {
  readonly side: Side;
}

const scopeOf = (config: ArchiveConfig): ArchiveScope => {
  if (config.claimsAnalysisArchive) return 'analysis-archive';
  return config.hasAnalysisArchive ? 'object-store-beside-analysis-archive' : 'object-store';
};

/** What a request to a store on the network may take; in milliseconds. Rule R9 waits longer than `idleMs`. */
const NETWORK_TIMEOUTS = { idleMs: 60_000, totalMs: 3_600_000 };

/**
 * Passing faults are waited out, and said; a store that asks for fewer requests gets fewer; nothing hangs for ever. The first
 * contact, which finds a wrong address or key, is made without: whoever mistyped one shall not wait.
 */
const endure = (context: CommandContext, driver: Driver): Driver => {
  const local = driver.capabilities.inDatabase || driver.name === 'localfs';
  const log = context.log.at(PLACES.migration);
  return retryDriver(local ? driver : limitConcurrency(limitTime(driver, NETWORK_TIMEOUTS)), {
    ...DEFAULT_RETRY,
    onRetry: (operation, subject, error) => log.debug(`Trying ${operation} of ${subject} again: ${error.message}`),
  });
};

/**
 * Opens the store that a configuration names. `prepare`: bucket, container or folder are created where the configuration
 * says so, which only a destination wants. Throws `store.*`.
 */
export const openSide = async (
  context: CommandContext,
  db: Database,
  config: ArchiveConfig,
  options: { readonly prepare: boolean },
): Promise<OpenSide> => {
  const driver = await openDriver(config.driver, { database: db, environment: context.environment });
  try {
    if (options.prepare) await driver.prepare(context.signal);
    const store: Store = {
      driver: endure(context, driver),
      codec: config.compression,
      identity: await driver.identify(context.signal),
    };
    return {
      side: { store, config: resolve(config.file), archive: scopeOf(config) },
      [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
    };
  } catch (error) {
    await driver[Symbol.asyncDispose]();
    throw error;
  }
};
