import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ConfigFile, readConfigFile } from '../config/config-file.ts';
import { type DatabaseArgs, parseDatabaseSection } from '../config/database-section.ts';
import type { Environment } from '../config/environment.ts';
import { AppError } from '../core/errors.ts';
import { type ConnectOptions, parseConnectUrl } from '../database/connect-url.ts';
import type { DatabaseTarget } from '../database/database-target.ts';
import type { CommandContext } from './context.ts';
import { PLACES } from './places.ts';

/** Where the embedded database lies when nothing names another. */
const EMBEDDED_FOLDER = 'anchore-data';

const readUrlFile = async (file: string): Promise<string> => {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new AppError('config.unreadable', `The file ${file}, which should hold the database URL, cannot be read`, {
      cause,
    });
  }
};

/** TLS settings of a file reach the parser as libpq's variables do; the environment's own are then of less weight. */
const withTlsOf = (environment: Environment, args: DatabaseArgs): Environment => ({
  ...environment,
  ...(args.sslMode !== undefined && { PGSSLMODE: args.sslMode }),
  ...(args.sslRootCertFile !== undefined && { PGSSLROOTCERT: args.sslRootCertFile }),
  ...(args.sslCertFile !== undefined && { PGSSLCERT: args.sslCertFile }),
  ...(args.sslKeyFile !== undefined && { PGSSLKEY: args.sslKeyFile }),
});

const optionsOf = (context: CommandContext, place: string): ConnectOptions => ({
  place,
  environment: context.environment,
  useSsl: context.group.dbUseSsl,
  statementTimeoutSeconds: context.group.dbTimeoutSeconds,
  connectTimeoutSeconds: context.group.dbConnectTimeoutSeconds,
  connectAttempts: context.group.dbRetries,
});

const findExplicit = async (context: CommandContext): Promise<DatabaseTarget | undefined> => {
  const { dbConnect, dbConnectFile } = context.group;
  const file = dbConnectFile ?? (dbConnect?.startsWith('@') ? dbConnect.slice(1) : undefined);
  if (file !== undefined) return parseConnectUrl(await readUrlFile(file), optionsOf(context, file));
  if (dbConnect !== undefined) return parseConnectUrl(dbConnect, optionsOf(context, '--db-connect'));
  const variable = context.environment['ANCHORE_DB_CONNECT'];
  return variable ? parseConnectUrl(variable, optionsOf(context, 'ANCHORE_DB_CONNECT')) : undefined;
};

/**
 * The database that a command uses: `--db-connect` (`@FILE` reads it from a file), `--db-connect-file`, ANCHORE_DB_CONNECT,
 * `credentials.database` of the configuration (that of `--configfile`, else of the command's own file), else the embedded
 * database under ./anchore-data. Throws `config.*`.
 */
export const findDatabaseTarget = async (context: CommandContext, config?: ConfigFile): Promise<DatabaseTarget> => {
  const explicit = await findExplicit(context);
  if (explicit !== undefined) return explicit;
  const { configFile } = context.group;
  const file = configFile === undefined ? config : await readConfigFile(configFile, context.environment);
  const section = file && parseDatabaseSection(file);
  if (file === undefined || section === undefined) {
    const folder = resolve(EMBEDDED_FOLDER);
    return { kind: 'embedded', folder, shownUrl: `embedded:${folder}` };
  }
  for (const warning of section.warnings) context.log.at(PLACES.config).warn(warning);
  const options = optionsOf(context, `${file.file} credentials.database.db_connect`);
  return parseConnectUrl(section.connect, {
    ...options,
    environment: withTlsOf(context.environment, section.args),
    useSsl: options.useSsl === true || section.args.ssl === true,
    statementTimeoutSeconds: options.statementTimeoutSeconds ?? section.args.timeoutSeconds,
    connectTimeoutSeconds: options.connectTimeoutSeconds ?? section.args.connectTimeoutSeconds,
  });
};
