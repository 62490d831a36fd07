import type { Environment } from '../config/environment.ts';
import { AppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Database } from '../database/database.ts';
import { isPooled } from '../database/pooler-detection.ts';
import { openDriver } from '../drivers/registry.ts';
import { type FitSubject, inspectDriverFit, inspectStoreFit } from '../migration/archive-fit.ts';
import { openStore, type StoreSettings } from '../stores/open-store.ts';
import { DividedArchive } from './documents/divided-archive.ts';
import type { DocumentArchive } from './documents/document-archive.ts';
import type { DocumentMemory } from './documents/document-memory.ts';
import { ExternalArchive } from './documents/external-archive.ts';
import { InDatabaseArchive } from './documents/in-database-archive.ts';
import type { ArchivePart } from './load-engine-config.ts';
import { heedFindings } from './start-guards.ts';

/** The archive of a service, which ends with the scope in which it was opened. */
export interface OpenArchive extends AsyncDisposable {
  readonly documents: DocumentArchive;
  /** For a person: where they are. */
  readonly description: string;
}

export interface OpenArchiveOptions {
  readonly environment: Environment;
  readonly log: Log;
  readonly memory: DocumentMemory;
  readonly signal: AbortSignal;
  /** The configuration file, for what a person is told. */
  readonly config: string | undefined;
  /** Whether documents that cannot be read keep it from starting no more than a warning does. */
  readonly allowUnreadable: boolean;
  readonly quietMs?: number | undefined;
}

/** A person waits for the answer: less patience than a migration has. */
const RETRY = { baseDelayMs: 100, maxDelayMs: 2000, totalMs: 10_000 };
/** How long after its sender's end a request may still take effect in a store on the network. */
const NETWORK_QUIET_MS = 10_000;

/** One store of it, which has to be the one where these documents are. */
const openPart = async (
  db: Database,
  settings: StoreSettings,
  subject: FitSubject,
  options: OpenArchiveOptions,
): Promise<OpenArchive> => {
  const { allowUnreadable, environment, log, memory, signal } = options;
  await using resources = new AsyncDisposableStack();
  const { store } = resources.use(
    await openStore(db, settings, {
      environment,
      signal,
      prepare: true,
      reliability: {
        retry: RETRY,
        onRetry: (operation, subjectOf, error) =>
          log.warn(`trying ${operation} of ${subjectOf} again: ${error.message}`),
      },
      guard: async (driver) => {
        heedFindings(await inspectDriverFit(db, driver, subject), log, allowUnreadable);
        if (!driver.capabilities.inDatabase && db.kind === 'postgres' && (await isPooled(db)))
          throw new AppError(
            'refused.pooler',
            `${db.description} is reached through a pooler in transaction mode, which keeps no locks for a service`,
          );
      },
    }),
  );
  heedFindings(await inspectStoreFit(db, store, subject, signal), log, allowUnreadable);
  const { driver } = store;
  const quietMs = options.quietMs ?? (driver.name === 'localfs' ? 0 : NETWORK_QUIET_MS);
  const documents = resources.use(
    driver.capabilities.inDatabase
      ? new InDatabaseArchive(db, store, memory, (inside) =>
          openDriver(settings.driver, { database: inside, environment }),
        )
      : new ExternalArchive(db, store, { log, memory, quietMs, scope: subject.archive }),
  );
  const owned = resources.move();
  return { documents, description: store.identity.description, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};

/**
 * Opens the store or stores that a configuration names, and creates what they lack where it says so. Throws `store.*`, and
 * `refused.*` where they are not those where the documents are.
 */
export const openArchive = async (
  db: Database,
  { archive, analysisArchive }: Pick<ArchivePart, 'archive' | 'analysisArchive'>,
  options: OpenArchiveOptions,
): Promise<OpenArchive> => {
  const { config } = options;
  if (analysisArchive === undefined) return openPart(db, archive, { archive: 'object-store', config }, options);
  await using resources = new AsyncDisposableStack();
  const beside = { archive: 'object-store-beside-analysis-archive', config } as const;
  const ordinary = resources.use(await openPart(db, archive, beside, options));
  const analyses = resources.use(await openPart(db, analysisArchive, { archive: 'analysis-archive', config }, options));
  const owned = resources.move();
  return {
    documents: new DividedArchive(ordinary.documents, analyses.documents),
    description: `${ordinary.description}; analyses in ${analyses.description}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};
