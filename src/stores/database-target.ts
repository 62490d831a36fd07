import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ConfigFile } from '../config/config-file.ts';
import { type DatabaseArgs, parseDatabaseSection } from '../config/database-section.ts';
import type { Environment } from '../config/environment.ts';
import { AppError } from '../core/errors.ts';
import { type ConnectOptions, parseConnectUrl } from '../database/connect-url.ts';
import type { DatabaseTarget } from '../database/database-target.ts';

/** Where the embedded database lies when nothing names another. */
const EMBEDDED_FOLDER = 'anchore-data';

/** What can name the database, and how to reach it; what a command line gives is stronger than what a file says. */
export interface DatabaseChoice extends Omit<ConnectOptions, 'place' | 'environment'> {
  readonly environment: Environment;
  /** From a command line: a URL, or `@FILE`. */
  readonly url?: string | undefined;
  /** From a command line: a file that holds the URL. */
  readonly urlFile?: string | undefined;
  /** The configuration to look into, where nothing stronger names a database; read only then. */
  readonly readConfig: () => Promise<ConfigFile | undefined>;
  /** Told what in the configuration was ignored. */
  readonly warn: (text: string) => void;
}

const readUrlFile = async (file: string): Promise<string> => {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new AppError('config.unreadable', `The file ${file}, which should hold the database URL, cannot be read`, {
      cause,
    });
  }
};

const findExplicit = async (choice: DatabaseChoice): Promise<DatabaseTarget | undefined> => {
  const { url, urlFile, environment } = choice;
  const file = urlFile ?? (url?.startsWith('@') ? url.slice(1) : undefined);
  if (file !== undefined) return parseConnectUrl(await readUrlFile(file), { ...choice, place: file });
  if (url !== undefined) return parseConnectUrl(url, { ...choice, place: '--db-connect' });
  const variable = environment['ANCHORE_DB_CONNECT'];
  return variable ? parseConnectUrl(variable, { ...choice, place: 'ANCHORE_DB_CONNECT' }) : undefined;
};

/** TLS settings of a file reach the parser as libpq's variables do; the environment's own are then of less weight. */
const withTlsOf = (environment: Environment, args: DatabaseArgs): Environment => ({
  ...environment,
  ...(args.sslMode !== undefined && { PGSSLMODE: args.sslMode }),
  ...(args.sslRootCertFile !== undefined && { PGSSLROOTCERT: args.sslRootCertFile }),
  ...(args.sslCertFile !== undefined && { PGSSLCERT: args.sslCertFile }),
  ...(args.sslKeyFile !== undefined && { PGSSLKEY: args.sslKeyFile }),
});

/**
 * The one way to the database: the command line's URL or file, ANCHORE_DB_CONNECT, `credentials.database` of the
 * configuration, else the embedded database under ./anchore-data. Throws `config.*`.
 */
export const findDatabaseTarget = async (choice: DatabaseChoice): Promise<DatabaseTarget> => {
  const explicit = await findExplicit(choice);
  if (explicit !== undefined) return explicit;
  const file = await choice.readConfig();
  const section = file && parseDatabaseSection(file);
  if (file === undefined || section === undefined) {
    const folder = resolve(EMBEDDED_FOLDER);
    return { kind: 'embedded', folder, shownUrl: `embedded:${folder}` };
  }
  for (const warning of section.warnings) choice.warn(warning);
  const { args } = section;
  return parseConnectUrl(section.connect, {
    ...choice,
    place: `${file.file} credentials.database.db_connect`,
    environment: withTlsOf(choice.environment, args),
    useSsl: choice.useSsl === true || args.ssl === true,
    statementTimeoutSeconds: choice.statementTimeoutSeconds ?? args.timeoutSeconds,
    connectTimeoutSeconds: choice.connectTimeoutSeconds ?? args.connectTimeoutSeconds,
  });
};
