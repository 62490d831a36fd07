import { resolve } from 'node:path';
import type { ArchiveConfig } from '../config/archive-section.ts';
import type { Database } from '../database/database.ts';
import type { Limits } from '../drivers/wrappers/limits.ts';
import type { Side } from '../migration/requests.ts';
import type { ArchiveScope } from '../migration/scope.ts';
import { openStore } from '../stores/open-store.ts';
import type { CommandContext } from './context.ts';
import { PLACES } from './places.ts';
import type { StoreActivity, StoreRole } from './progress/store-activity.ts';

/** One side of a migration that ends with the scope in which it was opened. */
export interface OpenSide extends AsyncDisposable {
  readonly side: Side;
}

/** Whose requests are counted and held to limits, and as which side's. */
export interface WatchedStore {
  readonly role: StoreRole;
  readonly activity: StoreActivity;
  readonly limits: Limits;
}

/** Which rows belong to the archive that a section names. */
export const scopeOf = (config: ArchiveConfig): ArchiveScope => {
  if (config.claimsAnalysisArchive) return 'analysis-archive';
  return config.hasAnalysisArchive ? 'object-store-beside-analysis-archive' : 'object-store';
};

/**
 * Opens the store that a configuration names. `prepare`: bucket, container or folder are created where the configuration
 * says so, which only a destination wants. Throws `store.*`.
 */
export const openSide = async (
  context: CommandContext,
  db: Database,
  config: ArchiveConfig,
  options: { readonly prepare: boolean; readonly watched?: WatchedStore },
): Promise<OpenSide> => {
  const log = context.log.at(PLACES.migration);
  const { watched } = options;
  const opened = await openStore(db, config, {
    environment: context.environment,
    signal: context.signal,
    prepare: options.prepare,
    reliability: {
      ...(watched && {
        limits: watched.limits,
        observe: (driver) => watched.activity.observe(watched.role, driver),
      }),
      onRetry: (operation, subject, error) => {
        watched?.activity.retried(watched.role);
        log.debug(`Trying ${operation} of ${subject} again: ${error.message}`);
      },
    },
  });
  return {
    side: { store: opened.store, config: resolve(config.file), archive: scopeOf(config) },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
};
