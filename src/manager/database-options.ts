import { type ConfigFile, readConfigFile } from '../config/config-file.ts';
import { parseDatabaseSection } from '../config/database-section.ts';
import type { DatabaseTarget } from '../database/database-target.ts';
import { findDatabaseTarget } from '../stores/database-target.ts';
import type { CommandContext, GroupOptions } from './context.ts';
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

/**
 * The options with which a command of its own reaches the same database. What only the command's own configuration named has
 * to be said then: `clean ID` has no FROM to look into.
 */
export const namingOptions = ({ environment, group }: CommandContext, config?: ConfigFile): GroupOptions => {
  const isNamed =
    [group.dbConnect, group.dbConnectFile, group.configFile].some((given) => given !== undefined) ||
    Boolean(environment['ANCHORE_DB_CONNECT']);
  return isNamed || config === undefined || parseDatabaseSection(config) === undefined
    ? group
    : { ...group, configFile: config.file };
};
