import type { Store } from '../archive/store.ts';
import type { ArchiveConfig } from '../config/archive-section.ts';
import type { Environment } from '../config/environment.ts';
import { AppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Database } from '../database/database.ts';
import { isPooled } from '../database/pooler-detection.ts';
import type { Driver } from '../drivers/contract.ts';
import { type DriverConfig, openDriver } from '../drivers/registry.ts';
import { limitConcurrency } from '../drivers/wrappers/limit-concurrency.ts';
import { retryDriver } from '../drivers/wrappers/retry.ts';
import { limitTime } from '../drivers/wrappers/timeouts.ts';
import type { DocumentArchive } from './documents/document-archive.ts';
import { ExternalArchive } from './documents/external-archive.ts';
import { InDatabaseArchive } from './documents/in-database-archive.ts';
import { guardStore } from './start-guards.ts';

/** The archive of a service, which ends with the scope in which it was opened. */
export interface OpenArchive extends AsyncDisposable {
  readonly store: Store;
  readonly documents: DocumentArchive;
}

/** What the archive's section says, as far as it matters here; by default documents lie in the database. */
export type ArchiveSettings = Pick<ArchiveConfig, 'compression'> & { readonly driver: DriverConfig };

export const DEFAULT_ARCHIVE: ArchiveSettings = {
  driver: { name: 'db', options: {} },
  compression: { enabled: false, minSizeKbytes: 100 },
};

/** A person waits for the answer: less patience than a migration has. */
const RETRY = { baseDelayMs: 100, maxDelayMs: 2000, totalMs: 10_000 };
const TIMEOUTS = { idleMs: 60_000, totalMs: 3_600_000 };
/** How long after its sender's end a request may still take effect in a store on the network. */
const NETWORK_QUIET_MS = 10_000;

const endure = (driver: Driver, log: Log): Driver => {
  const local = driver.capabilities.inDatabase || driver.name === 'localfs';
  return retryDriver(local ? driver : limitConcurrency(limitTime(driver, TIMEOUTS)), {
    ...RETRY,
    onRetry: (operation, subject, error) => log.warn(`trying ${operation} of ${subject} again: ${error.message}`),
  });
};

/** Opens the store that the settings name, and creates it where they say so. Throws `store.*`. */
export const openArchive = async (
  db: Database,
  settings: ArchiveSettings,
  options: {
    readonly environment: Environment;
    readonly log: Log;
    readonly signal: AbortSignal;
    readonly quietMs?: number | undefined;
    /** Called before the store is touched: a wrong one must not even be created. */
    readonly guard: (driver: Driver) => Promise<void>;
  },
): Promise<OpenArchive> => {
  const { environment, log, signal } = options;
  await using resources = new AsyncDisposableStack();
  const driver = resources.use(await openDriver(settings.driver, { database: db, environment }));
  await options.guard(driver);
  if (!driver.capabilities.inDatabase && db.kind === 'postgres' && (await isPooled(db)))
    throw new AppError(
      'refused.pooler',
      `${db.description} is reached through a pooler in transaction mode, which keeps no locks for a service`,
    );
  await driver.prepare(signal);
  const store: Store = {
    driver: endure(driver, log),
    codec: settings.compression,
    identity: await driver.identify(signal),
  };
  await guardStore(db, store);
  const quietMs = options.quietMs ?? (driver.name === 'localfs' ? 0 : NETWORK_QUIET_MS);
  const documents = resources.use(
    driver.capabilities.inDatabase
      ? new InDatabaseArchive(db, store, (inside) => openDriver(settings.driver, { database: inside, environment }))
      : new ExternalArchive(db, store, { log, quietMs }),
  );
  const owned = resources.move();
  return { store, documents, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};
