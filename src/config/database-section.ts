import { optionalText } from '../core/driver-section.ts';
import { maskPassword } from '../core/mask-url.ts';
import { z } from 'zod';
import { type ConfigFile, describeNode, findMap, invalidValue, isFilled } from './config-file.ts';
import {
  checkVariables,
  type DisplayMap,
  displayValue,
  isSecretOption,
  optionInputs,
  registerSecretsOf,
} from './section-values.ts';
import type { ConfigMap } from './yaml-tree.ts';

/** `credentials.database` of a configuration file. */
export interface DatabaseSection {
  /** The URL as SQLAlchemy takes it; holds the password. */
  readonly connect: string;
  readonly args: DatabaseArgs;
  readonly warnings: readonly string[];
  /** `db_connect` and `db_connect_args` without secrets. */
  readonly forDisplay: DisplayMap;
}

/** `db_connect_args`; undefined where the file does not say. */
export interface DatabaseArgs {
  readonly ssl: boolean | undefined;
  /** libpq's word, such as `verify-full`. */
  readonly sslMode: string | undefined;
  readonly sslRootCertFile: string | undefined;
  readonly sslCertFile: string | undefined;
  readonly sslKeyFile: string | undefined;
  /** For one statement. */
  readonly timeoutSeconds: number | undefined;
  readonly connectTimeoutSeconds: number | undefined;
}

const seconds = z
  .union(
    [
      z.literal('').transform(() => undefined),
      z
        .string()
        .regex(/^\d+(\.\d+)?$/)
        .transform(Number),
    ],
    'a number of seconds',
  )
  .optional();

const argsSchema = z.object({
  ssl: z.union([z.boolean(), z.literal('').transform(() => undefined), z.stringbool()], 'true or false').optional(),
  sslmode: optionalText('one of the words of libpq, such as require'),
  sslrootcert: optionalText('the path of a file with certificates'),
  sslcert: optionalText('the path of a certificate'),
  sslkey: optionalText('the path of a private key'),
  timeout: seconds,
  connect_timeout: seconds,
});

const PATH = 'credentials.database';

const parseArgs = (config: ConfigFile, map: ConfigMap | undefined): DatabaseArgs => {
  const result = argsSchema.safeParse(map === undefined ? {} : optionInputs(map));
  if (!result.success) {
    const [issue] = result.error.issues;
    const key = String(issue?.path[0] ?? '');
    const node = map?.entries.get(key);
    const line = node?.line ?? map?.line ?? config.root.line;
    throw invalidValue(
      { file: config.file, line, path: `${PATH}.db_connect_args.${key}` },
      issue?.message ?? '',
      describeNode(node),
    );
  }
  const args = result.data;
  return {
    ssl: args.ssl,
    sslMode: args.sslmode,
    sslRootCertFile: args.sslrootcert,
    sslCertFile: args.sslcert,
    sslKeyFile: args.sslkey,
    timeoutSeconds: args.timeout,
    connectTimeoutSeconds: args.connect_timeout,
  };
};

const isSecret = (name: string): boolean => name !== 'sslkey' && isSecretOption(name, []);

/**
 * How the file says to reach the database; undefined where it names none. Throws `config.invalid`. The URL itself is not
 * looked into here.
 */
export const parseDatabaseSection = (config: ConfigFile): DatabaseSection | undefined => {
  const credentials = findMap(config, config.root, '', 'credentials');
  const database = credentials && findMap(config, credentials, 'credentials', 'database');
  const connect = database?.entries.get('db_connect');
  if (database === undefined || !isFilled(connect)) return undefined;
  if (connect.kind !== 'scalar')
    throw invalidValue(
      { file: config.file, line: connect.line, path: `${PATH}.db_connect` },
      'a database URL',
      describeNode(connect),
    );
  const args = findMap(config, database, PATH, 'db_connect_args');
  const warnings: string[] = [];
  registerSecretsOf(connect, isSecret);
  checkVariables(connect, { file: config.file, path: `${PATH}.db_connect` }, warnings);
  if (args) {
    registerSecretsOf(args, isSecret);
    checkVariables(args, { file: config.file, path: `${PATH}.db_connect_args` }, warnings);
  }
  return {
    connect: connect.text,
    args: parseArgs(config, args),
    warnings,
    forDisplay: {
      db_connect: maskPassword(connect.text),
      db_connect_args: args ? displayValue(args, isSecret, false) : {},
    },
  };
};
