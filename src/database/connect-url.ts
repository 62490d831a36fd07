import { AppError } from '../core/errors.ts';
import { registerSecret } from '../core/secrets.ts';
import { parseKeywordForm, parseUrlForm } from './conninfo-forms.ts';
import { type DatabaseTarget, SSL_MODES, type SslMode } from './database-target.ts';

export interface ConnectOptions {
  /** Where the text was written, for errors: `--db-connect`, `config.yaml:12 credentials.database.db_connect`. */
  readonly place: string;
  /** The environment, for libpq's `PG*` variables and the home folder. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** TLS is demanded, whatever the text says less. */
  readonly useSsl?: boolean | undefined;
  readonly statementTimeoutSeconds?: number | undefined;
  readonly connectTimeoutSeconds?: number | undefined;
  /** How often to try to connect, five seconds apart. */
  readonly connectAttempts?: number | undefined;
}

/** The defaults of Anchore's own command. */
const DEFAULT_STATEMENT_TIMEOUT_SECONDS = 30;
const DEFAULT_CONNECT_TIMEOUT_SECONDS = 120;

/** libpq's environment variables, by the parameter that they are the default of. */
const ENVIRONMENT_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['host', 'PGHOST'],
  ['port', 'PGPORT'],
  ['dbname', 'PGDATABASE'],
  ['user', 'PGUSER'],
  ['password', 'PGPASSWORD'],
  ['passfile', 'PGPASSFILE'],
  ['options', 'PGOPTIONS'],
  ['application_name', 'PGAPPNAME'],
  ['sslmode', 'PGSSLMODE'],
  ['sslrootcert', 'PGSSLROOTCERT'],
  ['sslcert', 'PGSSLCERT'],
  ['sslkey', 'PGSSLKEY'],
  ['connect_timeout', 'PGCONNECT_TIMEOUT'],
]);

/** Other names under which drivers know a parameter. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['database', 'dbname'],
  ['username', 'user'],
  ['currentSchema', 'schema'],
  ['ssl_mode', 'sslmode'],
]);

const EMBEDDED = /^(?:embedded|pglite):(?:\/\/)?(.*)$/s;

/**
 * Parses what names a database: SQLAlchemy's URLs, libpq's URIs and keyword strings, `embedded:FOLDER`. Throws
 * `config.invalid` naming the place, never the text itself (it may hold a password). The password is registered as a secret.
 */
export const parseConnectUrl = (text: string, options: ConnectOptions): DatabaseTarget => {
  const embedded = EMBEDDED.exec(text.trim());
  if (embedded !== null) {
    const folder = embedded[1] ?? '';
    if (folder === '') throw new AppError('config.invalid', `${options.place}: expected a folder after embedded:`);
    return { kind: 'embedded', folder, shownUrl: `embedded:${folder}` };
  }
  return parsePostgresTarget(text.trim(), options);
};

const parsePostgresTarget = (text: string, options: ConnectOptions): DatabaseTarget => {
  const parts = parseForm(text, options.place);
  const given = new Map<string, string>();
  for (const [name, value] of parts.parameters) given.set(ALIASES.get(name) ?? name, value);
  const find = (name: string): string | undefined => {
    const value = given.get(name);
    if (value !== undefined && value !== '') return value;
    const variable = ENVIRONMENT_DEFAULTS.get(name);
    const fallback = variable === undefined ? undefined : options.environment[variable];
    return fallback === '' ? undefined : fallback;
  };
  const wrong = (name: string, expected: string, got: string): AppError =>
    new AppError('config.invalid', `${options.place}: ${name}: expected ${expected}; got ${JSON.stringify(got)}`);

  const password = find('password');
  if (password !== undefined) registerSecret(password);

  // A service file could name another server than the defaults would, so it is not passed over in silence.
  if (given.has('service')) throw wrong('service', 'host and dbname themselves', given.get('service') ?? '');
  // pg8000's name of a socket: its file, where libpq has its folder and port.
  const socket = /^(.*)\/\.s\.PGSQL\.(\d+)$/.exec(given.get('unix_sock') ?? '');
  const host = socket?.[1] ?? find('host') ?? given.get('hostaddr') ?? 'localhost';
  if (host.includes(',')) throw wrong('host', 'one server, the primary', host);
  const portText = socket?.[2] ?? find('port') ?? '5432';
  const port = Number(portText);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw wrong('port', 'a number from 1 to 65535', portText);
  const user = find('user') ?? options.environment['USER'] ?? 'postgres';
  const home = options.environment['HOME'];
  const server = splitServerOptions(find('options'));
  const connectTimeout = find('connect_timeout');
  if (connectTimeout !== undefined && !/^\d+$/.test(connectTimeout)) {
    throw wrong('connect_timeout', 'a number of seconds', connectTimeout);
  }
  const connectTimeoutSeconds =
    options.connectTimeoutSeconds ?? (Number(connectTimeout ?? 0) || DEFAULT_CONNECT_TIMEOUT_SECONDS);

  return {
    kind: 'postgres',
    host,
    port,
    user,
    password,
    passwordFile:
      password !== undefined ? undefined : (find('passfile') ?? (home === undefined ? undefined : `${home}/.pgpass`)),
    database: find('dbname') ?? user,
    schema: find('schema') ?? server.schema,
    tls: {
      mode: findSslMode(find('sslmode'), find('sslrootcert'), given.get('ssl'), parts.sqlalchemyDriver, options, wrong),
      rootCertFile: find('sslrootcert') === 'system' ? undefined : find('sslrootcert'),
      certFile: find('sslcert'),
      keyFile: find('sslkey'),
    },
    serverOptions: server.others,
    applicationName: find('application_name'),
    connectTimeoutMs: connectTimeoutSeconds * 1000,
    statementTimeoutMs: (options.statementTimeoutSeconds ?? DEFAULT_STATEMENT_TIMEOUT_SECONDS) * 1000,
    connectAttempts: Math.max(1, options.connectAttempts ?? 1),
    shownUrl: parts.shown,
  };
};

const parseForm = (text: string, place: string): ReturnType<typeof parseUrlForm> => {
  if (/^[\w+]+:\/\//.test(text)) {
    if (/^postgres(?:ql)?(?:\+\w+)?:\/\//i.test(text)) return parseUrlForm(text, place);
    const scheme = text.slice(0, text.indexOf(':'));
    throw new AppError(
      'config.invalid',
      `${place}: expected postgresql://, postgresql+DRIVER:// or embedded:FOLDER; got ${scheme}://`,
    );
  }
  if (/^\s*\w+\s*=/.test(text)) return parseKeywordForm(text, place);
  throw new AppError(
    'config.invalid',
    `${place}: expected postgresql://user:password@host:port/database or embedded:FOLDER`,
  );
};

/**
 * The mode that was asked for. Where nothing was said: libpq's `prefer`, and for pg8000, which does not use TLS unless told
 * to, `allow`. A root certificate makes `require` verify it, as libpq does.
 */
const findSslMode = (
  text: string | undefined,
  rootCert: string | undefined,
  ssl: string | undefined,
  sqlalchemyDriver: string | undefined,
  options: ConnectOptions,
  wrong: (name: string, expected: string, got: string) => AppError,
): SslMode => {
  const asked = SSL_MODES.find((mode) => mode === text);
  if (text !== undefined && asked === undefined) throw wrong('sslmode', `one of ${SSL_MODES.join(', ')}`, text);
  const mode = asked ?? (sqlalchemyDriver === 'pg8000' ? 'allow' : 'prefer');
  const demanded = options.useSsl === true || /^(?:true|1|yes|on)$/i.test(ssl ?? '');
  const atLeast = demanded && ['disable', 'allow', 'prefer'].includes(mode) ? 'require' : mode;
  if (rootCert === 'system' && atLeast !== 'verify-full' && asked !== undefined) {
    throw wrong('sslmode', 'verify-full, since sslrootcert is system', asked);
  }
  if (rootCert === 'system') return 'verify-full';
  return atLeast === 'require' && rootCert !== undefined ? 'verify-ca' : atLeast;
};

const SEARCH_PATH = /(?:^|\s)(?:-c\s*|--)search_path=((?:\\.|[^\s\\])+)/;

/** Takes the search_path out of `-csearch_path=x -c other=y`: the schema is ours to set, for every session. */
const splitServerOptions = (
  text: string | undefined,
): { readonly schema: string | undefined; readonly others: string | undefined } => {
  if (text === undefined) return { schema: undefined, others: undefined };
  const found = SEARCH_PATH.exec(text);
  const first = (found?.[1] ?? '').replace(/\\(.)/g, '$1').split(',')[0]?.trim() ?? '';
  const schema = /^".*"$/.test(first) ? first.slice(1, -1).replaceAll('""', '"') : first.toLowerCase();
  const others = text.replace(SEARCH_PATH, '').trim();
  return {
    schema: schema === '' || schema === '$user' ? undefined : schema,
    others: others === '' ? undefined : others,
  };
};
