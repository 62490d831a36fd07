import { REDACTED } from '../core/secrets.ts';

/** libpq's `sslmode`. */
export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

export interface TlsSettings {
  readonly mode: SslMode;
  /** PEM file of the CAs to trust; undefined or `system` are those that Node trusts. */
  readonly rootCertFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

export interface PostgresTarget {
  readonly kind: 'postgres';
  /** A name, an address, or the folder of a Unix socket (begins with `/`). */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  /** Where to look for the password if there is none, as libpq does. */
  readonly passwordFile: string | undefined;
  readonly database: string;
  /** undefined: the schema in which the server finds Anchore's tables, else its own choice. */
  readonly schema: string | undefined;
  readonly tls: TlsSettings;
  /** Command-line options for the server's session, such as `-c lock_timeout=5s`. */
  readonly serverOptions: string | undefined;
  readonly applicationName: string | undefined;
  readonly connectTimeoutMs: number;
  /** For statements outside of sessions; 0 is no limit. */
  readonly statementTimeoutMs: number;
  /** How often to try to connect before giving up, five seconds apart. */
  readonly connectAttempts: number;
  /** What a person gave, with `****` in place of the password. */
  readonly shownUrl: string;
}

export interface EmbeddedTarget {
  readonly kind: 'embedded';
  readonly folder: string;
  readonly shownUrl: string;
}

export type DatabaseTarget = PostgresTarget | EmbeddedTarget;

/** For errors: `postgres@127.0.0.1:5432/postgres`, or the embedded database's folder. */
export const describePlace = (target: DatabaseTarget): string =>
  target.kind === 'embedded'
    ? target.folder
    : `${target.user}@${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}/${target.database}`;

/** The pool that the operator's guide prints; the services' own default. */
const SHOWN_POOL_SIZE = 30;
const SHOWN_POOL_OVERFLOW = 100;

/** What follows `DB params: ` in the operator's guide: JSON spaced as Python prints it, without the password. */
export const describeParameters = (target: DatabaseTarget): string => {
  const connectArguments =
    target.kind === 'embedded'
      ? '{}'
      : `{"ssl": ${['require', 'verify-ca', 'verify-full'].includes(target.tls.mode)}, ` +
        `"connect_timeout": ${target.connectTimeoutMs / 1000}, "timeout": ${target.statementTimeoutMs / 1000}}`;
  return (
    `{"db_pool_size": ${SHOWN_POOL_SIZE}, "db_connect": ${JSON.stringify(target.shownUrl)}, ` +
    `"db_connect_args": ${connectArguments}, "db_pool_max_overflow": ${SHOWN_POOL_OVERFLOW}}`
  );
};

/** The text with what stands between `start` and `end` replaced by `****`. */
export const hidePart = (text: string, start: number, end: number): string =>
  `${text.slice(0, start)}${REDACTED}${text.slice(end)}`;
