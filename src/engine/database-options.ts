import type { ConfigFile } from '../config/config-file.ts';
import type { Environment } from '../config/environment.ts';
import type { DatabaseTarget } from '../database/database-target.ts';
import { findDatabaseTarget } from '../stores/database-target.ts';

/** By this name a migration knows a running service among the sessions of a database. */
export const APPLICATION_NAME = 'anchore-engine';

/** The database comes up beside its services: at intervals of 5 seconds, for half a minute. */
const CONNECT_ATTEMPTS = 6;

/** The service's database, and what in the configuration's section was ignored. Throws `config.invalid`. */
export const findServiceDatabase = async (
  config: ConfigFile | undefined,
  environment: Environment,
): Promise<{ readonly database: DatabaseTarget; readonly warnings: readonly string[] }> => {
  const warnings: string[] = [];
  const target = await findDatabaseTarget({
    environment,
    connectAttempts: CONNECT_ATTEMPTS,
    readConfig: () => Promise.resolve(config),
    warn: (text) => warnings.push(text),
  });
  // Whatever the URL says: a service that called itself psql would be migrated under.
  const database = target.kind === 'postgres' ? { ...target, applicationName: APPLICATION_NAME } : target;
  return { database, warnings };
};
