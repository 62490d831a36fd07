import { type ConfigFile, readConfigFile } from '../config/config-file.ts';
import type { DatabaseTarget } from '../database/database-target.ts';
import { findDatabaseTarget } from '../stores/database-target.ts';
import type { CommandContext } from './context.ts';
import { PLACES } from './places.ts';

/**
 * The database that a command uses, as its options say; the configuration is that of `--configfile`, else the command's own
 * file. Throws `config.*`.
 */
export const findCommandDatabase = (context: CommandContext, config?: ConfigFile): Promise<DatabaseTarget> => {
  const { environment, group } = context;
  const { configFile } = group;
  return findDatabaseTarget({
    environment,
    url: group.dbConnect,
    urlFile: group.dbConnectFile,
    readConfig: async () => (configFile === undefined ? config : await readConfigFile(configFile, environment)),
    warn: (text) => context.log.at(PLACES.config).warn(text),
    useSsl: group.dbUseSsl,
    statementTimeoutSeconds: group.dbTimeoutSeconds,
    connectTimeoutSeconds: group.dbConnectTimeoutSeconds,
    connectAttempts: group.dbRetries,
  });
};
