import type { Store } from '../archive/store.ts';
import type { Environment } from '../config/environment.ts';
import { AppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Database } from '../database/database.ts';
import { isPooled } from '../database/pooler-detection.ts';
import type { Driver } from '../drivers/contract.ts';
import { openDriver } from '../drivers/registry.ts';
import { openStore, type StoreSettings } from '../stores/open-store.ts';
import type { DocumentArchive } from './documents/document-archive.ts';
import { ExternalArchive } from './documents/external-archive.ts';
import { InDatabaseArchive } from './documents/in-database-archive.ts';
import { guardStore } from './start-guards.ts';

/** The archive of a service, which ends with the scope in which it was opened. */
export interface OpenArchive extends AsyncDisposable {
  readonly store: Store;
  readonly documents: DocumentArchive;
}

/** A person waits for the answer: less patience than a migration has. */
const RETRY = { baseDelayMs: 100, maxDelayMs: 2000, totalMs: 10_000 };
/** How long after its sender's end a request may still take effect in a store on the network. */
const NETWORK_QUIET_MS = 10_000;

/** Opens the store that the settings name, and creates it where they say so. Throws `store.*`, `refused.*`. */
export const openArchive = async (
  db: Database,
  settings: StoreSettings,
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
  const { store } = resources.use(
    await openStore(db, settings, {
      environment,
      signal,
      prepare: true,
      reliability: {
        retry: RETRY,
        onRetry: (operation, subject, error) => log.warn(`trying ${operation} of ${subject} again: ${error.message}`),
      },
      guard: async (driver) => {
        await options.guard(driver);
        if (!driver.capabilities.inDatabase && db.kind === 'postgres' && (await isPooled(db)))
          throw new AppError(
            'refused.pooler',
            `${db.description} is reached through a pooler in transaction mode, which keeps no locks for a service`,
          );
      },
    }),
  );
  await guardStore(db, store);
  const { driver } = store;
  const quietMs = options.quietMs ?? (driver.name === 'localfs' ? 0 : NETWORK_QUIET_MS);
  const documents = resources.use(
    driver.capabilities.inDatabase
      ? new InDatabaseArchive(db, store, (inside) => openDriver(settings.driver, { database: inside, environment }))
      : new ExternalArchive(db, store, { log, quietMs }),
  );
  const owned = resources.move();
  return { store, documents, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};
