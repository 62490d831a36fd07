import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientConfig, PoolClient } from 'pg';
import { AppError, isAppError, messageOf } from '../core/errors.ts';
import { type Log, silentLog } from '../core/log.ts';
import { toDatabaseError } from './database-errors.ts';
import { type DatabaseTarget, describePlace, type PostgresTarget } from './database-target.ts';
import type { Database, Session } from './database.ts';
import { findPasswordInFile } from './password-file.ts';
import { destroySocket, PooledDatabase } from './pooled-database.ts';
import { PostgresSession } from './postgres-session.ts';
import { planSessionSettings } from './session-settings.ts';
import { StatementRunner } from './statement-runner.ts';
import { readTlsOptions, type TlsOptions } from './tls-options.ts';
import { findTypeParser } from './type-parsers.ts';

export interface OpenOptions {
  readonly log?: Log;
  /** Connections at once, sessions apart. */
  readonly poolSize?: number;
  /** What `pg_stat_activity` shows, unless the connection URL names another. */
  readonly applicationName?: string;
  readonly signal?: AbortSignal;
  /** Between two tries to connect. */
  readonly retryDelayMs?: number;
}

const DEFAULT_POOL_SIZE = 8;
const RETRY_DELAY_MS = 5000;
const IDLE_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_DELAY_MS = 10_000;

/**
 * Opens the database and proves that it answers. Throws `database.unreachable` after the configured tries,
 * `database.denied`, `database.schema` where database or schema do not exist, `refused.embedded-in-use`.
 */
export const openDatabase = async (target: DatabaseTarget, options: OpenOptions = {}): Promise<Database> => {
  if (target.kind === 'postgres') return openPostgres(target, options);
  const { openEmbeddedDatabase } = await import('./embedded.ts');
  return openEmbeddedDatabase(target, options.log ?? silentLog);
};

const openPostgres = async (target: PostgresTarget, options: OpenOptions): Promise<Database> => {
  const { default: pg } = await import('pg');
  const log = options.log ?? silentLog;
  const place = describePlace(target);
  const base: ClientConfig = {
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    password: () => getPassword(target, log),
    application_name: target.applicationName ?? options.applicationName ?? 'anchore-manager',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: target.connectTimeoutMs,
    types: { getTypeParser: (oid: number) => findTypeParser(oid) ?? pg.types.getTypeParser(oid, 'text') },
    ...(target.serverOptions === undefined ? {} : { options: target.serverOptions }),
  };

  /** Connects once, outside of the pool. */
  const connect = async (
    ssl: TlsOptions,
  ): Promise<{ readonly client: InstanceType<typeof pg.Client>; readonly runner: StatementRunner }> => {
    const client = new pg.Client({ ...base, ssl });
    const runner = new StatementRunner(client, place);
    const stop = (): void => destroySocket(client);
    options.signal?.throwIfAborted();
    options.signal?.addEventListener('abort', stop, { once: true });
    try {
      await client.connect();
      return { client, runner };
    } catch (error) {
      // pg leaves the connection open where it has no password to send, and the server then waits for one.
      destroySocket(client);
      options.signal?.throwIfAborted();
      throw toDatabaseError(error, place, 'connecting');
    } finally {
      options.signal?.removeEventListener('abort', stop);
    }
  };

  const retrying = <T>(work: () => Promise<T>): Promise<T> =>
    retryWhileUnreachable(work, target.connectAttempts, options, log);

  const { ssl, schema } = await retrying(async () => {
    const first = await connectFirst(await readTlsOptions(target.tls, target.host.startsWith('/')), connect);
    try {
      return { ssl: first.ssl, schema: await findSchema(first.runner, target, place, log) };
    } finally {
      await first.client.end().catch(() => undefined);
    }
  });

  const pool = new pg.Pool({
    // Not the pool's own connection timeout: that would also limit the wait for a free connection.
    Client: class extends pg.Client {
      constructor() {
        super({ ...base, ssl });
      }
    },
    max: options.poolSize ?? DEFAULT_POOL_SIZE,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    onConnect: async (client) => {
      const settings = planSessionSettings({ schema, statementTimeoutMs: target.statementTimeoutMs });
      await client.query(settings.text, [...settings.values]);
    },
  });

  const acquire = (): Promise<PoolClient> =>
    retrying(async () => {
      try {
        return await pool.connect();
      } catch (error) {
        throw toDatabaseError(error, place, 'connecting');
      }
    });

  const openSession = (): Promise<Session> =>
    retrying(async () => {
      const { client, runner } = await connect(ssl);
      try {
        const settings = planSessionSettings({ schema, statementTimeoutMs: 0 });
        await runner.query(settings.text, settings.values);
      } catch (error) {
        await client.end().catch(() => undefined);
        throw error;
      }
      return new PostgresSession(client, runner);
    });

  // A server syncs its log before it acknowledges a commit.
  const sync = async (): Promise<void> => undefined;
  return new PooledDatabase(pool, { kind: 'postgres', schema, description: place, log, acquire, openSession, sync });
};

const getPassword = async (target: PostgresTarget, log: Log): Promise<string> => {
  const password = target.password ?? (await findPasswordInFile(target, log));
  if (password !== undefined) return password;
  throw new AppError(
    'database.denied',
    `database ${describePlace(target)}: it asks for a password and none was given`,
    {
      remedy: 'Name it in the URL, in PGPASSWORD, or in a password file.',
    },
  );
};

/** The first way that works. The next is only tried where the failure can have to do with TLS. */
const connectFirst = async <Connection>(
  ways: readonly TlsOptions[],
  connect: (ssl: TlsOptions) => Promise<Connection>,
): Promise<Connection & { readonly ssl: TlsOptions }> => {
  const errors: unknown[] = [];
  for (const ssl of ways) {
    try {
      return { ...(await connect(ssl)), ssl };
    } catch (error) {
      errors.push(error);
      if (!mayDependOnTls(error)) break;
    }
  }
  throw errors.at(-1);
};

/** 28000: pg_hba.conf has no line for it. Without any code: the server does not speak TLS, or broke the handshake off. */
const mayDependOnTls = (error: unknown): boolean => {
  if (!isAppError(error)) return false;
  const cause = error.cause;
  if (!(cause instanceof Error)) return false;
  const code = 'code' in cause ? cause.code : undefined;
  return (
    code === undefined ||
    code === '28000' ||
    (typeof code === 'string' && (code.startsWith('ERR_SSL') || code === 'EPROTO'))
  );
};

const retryWhileUnreachable = async <T>(
  work: () => Promise<T>,
  attempts: number,
  options: OpenOptions,
  log: Log,
): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= attempts || !isAppError(error, 'database.unreachable')) throw error;
      log.warn(`DB connection attempt ${attempt} of ${attempts} failed: ${messageOf(error)}`);
    }
    const waiting = sleep(options.retryDelayMs ?? RETRY_DELAY_MS, undefined, { signal: options.signal });
    await waiting.catch((error: unknown) => {
      // The reason of the abort, not the timer's own error.
      options.signal?.throwIfAborted();
      throw error;
    });
  }
};

const OLDEST_SUPPORTED_VERSION = 130_000;

/** The schema that was named; else where the server finds Anchore's tables; else where it would create them. */
const findSchema = async (
  runner: StatementRunner,
  target: PostgresTarget,
  place: string,
  log: Log,
): Promise<string> => {
  const { rows } = await runner.query<{
    version: number;
    chosen: string | null;
    tables: string | null;
    current: string | null;
  }>(
    `SELECT current_setting('server_version_num')::int AS version,
            current_schema() AS current,
            (SELECT nspname FROM pg_namespace WHERE nspname = $1) AS chosen,
            (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.oid = to_regclass('archive_metadata')) AS tables`,
    [target.schema ?? null],
  );
  const row = rows[0];
  if (row !== undefined && row.version < OLDEST_SUPPORTED_VERSION) {
    log.warn(
      `database ${place}: PostgreSQL ${Math.floor(row.version / 10_000)} is older than what is supported (13 to 18)`,
    );
  }
  const schema = target.schema === undefined ? (row?.tables ?? row?.current) : row?.chosen;
  if (schema === null || schema === undefined) {
    throw new AppError(
      'database.schema',
      `database ${place}: there is no schema ${JSON.stringify(target.schema ?? 'public')}`,
    );
  }
  return schema;
};
