import { resolve } from 'node:path';
import type { ConfigFile } from '../config/config-file.ts';
import { parseDatabaseSection } from '../config/database-section.ts';
import type { Environment } from '../config/environment.ts';
import { parseConnectUrl } from '../database/connect-url.ts';
import type { DatabaseTarget } from '../database/database-target.ts';

/** The same folder in which anchore-manager looks for the embedded database. */
const EMBEDDED_FOLDER = 'anchore-data';

/** By this name a migration knows a running service among the sessions of a database. */
export const APPLICATION_NAME = 'anchore-engine';

/** The database comes up beside its services: at intervals of 5 seconds, for half a minute. */
const CONNECT_ATTEMPTS = 6;

/**
 * The service's database: ANCHORE_DB_CONNECT, else `credentials.database` of the configuration, else the embedded one under
 * ./anchore-data. Throws `config.invalid`.
 */
export const findDatabaseTarget = (config: ConfigFile | undefined, environment: Environment): DatabaseTarget => {
  const target = readTarget(config, environment);
  // Whatever the URL says: a service that called itself psql would be migrated under.
  return target.kind === 'postgres' ? { ...target, applicationName: APPLICATION_NAME } : target;
};

const readTarget = (config: ConfigFile | undefined, environment: Environment): DatabaseTarget => {
  const options = { environment, connectAttempts: CONNECT_ATTEMPTS };
  const variable = environment['ANCHORE_DB_CONNECT'];
  if (variable) return parseConnectUrl(variable, { ...options, place: 'ANCHORE_DB_CONNECT' });
  const section = config && parseDatabaseSection(config);
  if (config === undefined || section === undefined) {
    const folder = resolve(EMBEDDED_FOLDER);
    return { kind: 'embedded', folder, shownUrl: `embedded:${folder}` };
  }
  const { args } = section;
  return parseConnectUrl(section.connect, {
    ...options,
    place: `${config.file} credentials.database.db_connect`,
    environment: {
      ...environment,
      ...(args.sslMode !== undefined && { PGSSLMODE: args.sslMode }),
      ...(args.sslRootCertFile !== undefined && { PGSSLROOTCERT: args.sslRootCertFile }),
      ...(args.sslCertFile !== undefined && { PGSSLCERT: args.sslCertFile }),
      ...(args.sslKeyFile !== undefined && { PGSSLKEY: args.sslKeyFile }),
    },
    useSsl: args.ssl === true,
    statementTimeoutSeconds: args.timeoutSeconds,
    connectTimeoutSeconds: args.connectTimeoutSeconds,
  });
};
