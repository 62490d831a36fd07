import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { Environment } from '../config/environment.ts';
import type { Database } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import { readServiceVersion } from '../database/schema/anchore-tables.ts';
import { Authenticator } from './auth/authenticator.ts';
import { ensureAdministrator, refuseKnownPassword } from './auth/first-administrator.ts';
import { openUserDirectory } from './auth/user-directory.ts';
import { repeat } from './background-work.ts';
import { APPLICATION_NAME } from './database-options.ts';
import { DocumentMemory } from './documents/document-memory.ts';
import { asLog, type Logger } from './engine-log.ts';
import { ensureEngineTables, findMissingTables } from './engine-tables.ts';
import { listServices, startHeartbeat } from './heartbeat.ts';
import { createApp } from './http/app.ts';
import { type Listener, openListener } from './http/listener.ts';
import { createMetrics } from './http/metrics.ts';
import type { ServiceParts } from './http/request-environment.ts';
import { type EngineConfig, loadEngineConfig } from './load-engine-config.ts';
import { openArchive } from './open-archive.ts';
import { Policies } from './policies/policies.ts';
import type { ServiceName } from './settings.ts';
import { refuseWhileMigrating } from './start-guards.ts';

export interface StartOptions {
  readonly configFile: string | undefined;
  readonly environment: Environment;
  readonly logger: Logger;
  readonly version: string;
  /** Listens on ports that are free, whatever the configuration says. */
  readonly anyPort?: boolean;
  /** Starts although the configuration cannot read some of the documents, and says so. */
  readonly allowUnreadable?: boolean;
  /** Breaks the start off. */
  readonly signal: AbortSignal;
  /** How long after its sender's end a write may still land in the store; by default what fits the driver. */
  readonly quietMs?: number;
}

/** A service that runs. */
export interface Engine extends AsyncDisposable {
  readonly urls: ReadonlyMap<ServiceName, string>;
  /** For a person: where the administrator's password is to be found. */
  readonly password: string;
  /** For a person: where its data lies. */
  readonly database: string;
  readonly store: string;
  /** No new requests; running ones may end within the configured time. May be called again. */
  stop(): Promise<void>;
}

/** The tables of Anchore Engine 1.1.0, which a new database gets. */
const DB_VERSION = '0.0.16';
const POOL_SIZE = 16;
const RECOVERY_INTERVAL_MS = 5000;
const SYNC_INTERVAL_MS = 5000;

const openTables = async (config: EngineConfig, options: StartOptions): Promise<Database> => {
  const log = asLog(options.logger);
  const db = await openDatabase(config.database, {
    log,
    signal: options.signal,
    poolSize: POOL_SIZE,
    applicationName: APPLICATION_NAME,
  });
  try {
    const created = await ensureEngineTables(db);
    if (created.length > 0) log.info(`created the tables that were missing: ${created.join(', ')}`);
    const missing = await findMissingTables(db);
    if (missing.length > 0)
      throw new AppError('database.schema', `database ${db.description}: there is no table ${missing.join(', ')}`);
    return db;
  } catch (error) {
    await db[Symbol.asyncDispose]();
    throw error;
  }
};

/** Creates or upgrades the tables, and nothing else. */
export const initializeDatabase = async (options: StartOptions): Promise<string> => {
  const config = await loadEngineConfig(options.configFile, options.environment);
  await using db = await openTables(config, options);
  await db.sync();
  return db.description;
};

/** Where the random password goes: beside the embedded database, else beside the configuration. */
const passwordFileOf = (config: EngineConfig): string =>
  config.database.kind === 'embedded'
    ? join(config.database.folder, 'admin-password')
    : resolve(config.file === undefined ? '.' : dirname(config.file), 'anchore-admin-password');

/** The embedded database writes to the disk only when it is told to: after changes, and at the end. */
const keepOnDisk = (db: Database, options: StartOptions): AsyncDisposable => {
  let synced: string | undefined;
  const position = async (): Promise<string | undefined> =>
    (await db.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn')).rows[0]?.lsn;
  return repeat(SYNC_INTERVAL_MS, asLog(options.logger), async () => {
    if ((await position()) === synced) return;
    await db.sync();
    synced = await position();
  });
};

/** Starts every service that the configuration enables. Throws `config.*`, `database.*`, `store.*`, `refused.*`, `service.address`. */
export const startEngine = async (options: StartOptions): Promise<Engine> => {
  const { logger, version, signal } = options;
  const log = asLog(logger);
  const config = await loadEngineConfig(options.configFile, options.environment);
  for (const warning of config.warnings) log.warn(warning);
  const { settings } = config;
  await using resources = new AsyncDisposableStack();
  const db = resources.use(await openTables(config, options));
  await refuseWhileMigrating(db, log);
  const { allowUnreadable = false, environment, quietMs } = options;
  const memory = new DocumentMemory(settings.documentMemoryBytes);
  const archive = resources.use(
    await openArchive(db, config, { environment, log, memory, signal, config: config.file, allowUnreadable, quietMs }),
  );
  const { documents } = archive;
  const waiting = await documents.recover(signal);
  if (waiting > 0) log.info(`${waiting} interrupted writes are looked at once no late one can arrive any more`);
  resources.use(repeat(RECOVERY_INTERVAL_MS, log, (stopping) => documents.recover(stopping)));
  if (db.kind === 'embedded') resources.use(keepOnDisk(db, options));

  const password = await ensureAdministrator(db, settings, passwordFileOf(config));
  const directory = await openUserDirectory(db, settings.users);
  await refuseKnownPassword(directory, settings);
  const policies = new Policies(db, documents);
  for (const { name, type, state } of await directory.listAccounts())
    if (type !== 'service' && state === 'enabled') await policies.ensureDefault(name, signal);

  const forced = new AbortController();
  let stopping = false;
  const parts: ServiceParts = {
    documents,
    policies,
    directory,
    authenticator: new Authenticator(directory, log),
    listServices: () => listServices(db),
    checkDatabase: async () => void (await db.query('SELECT 1')),
    metrics: await createMetrics(version),
    logger,
    limits: settings,
    memory,
    temporaryFolder: options.environment['TMPDIR'] ?? tmpdir(),
    version,
    dbVersion: (await readServiceVersion(db))?.dbVersion ?? DB_VERSION,
    isStopping: () => stopping,
    forced: forced.signal,
  };
  const listeners = new Map<ServiceName, Listener>();
  resources.defer(() => {
    for (const listener of listeners.values()) listener.destroy();
  });
  for (const service of settings.services) {
    const app = createApp(service.name, parts);
    const fetch: Parameters<typeof openListener>[1] = (request, env) => app.fetch(request, env);
    listeners.set(
      service.name,
      await openListener(
        options.anyPort === true ? { ...service, port: 0 } : service,
        fetch,
        settings.requestTimeoutMs,
      ),
    );
  }
  const running = [...listeners].map(([name, { url }]) => ({ name, hostId: settings.hostId, baseUrl: url }));
  resources.use(await startHeartbeat(db, running, version, log));
  await db.sync();

  const owned = resources.move();
  const end = async (): Promise<void> => {
    stopping = true;
    const late = setTimeout(() => {
      forced.abort(new AppError('service.unavailable', 'the service stops'));
      for (const listener of listeners.values()) listener.destroy();
    }, settings.stopTimeoutMs);
    await Promise.all([...listeners.values()].map((listener) => listener.close()));
    clearTimeout(late);
    await db.sync();
    await owned.disposeAsync();
  };
  let ended: Promise<void> | undefined;
  const stop = (): Promise<void> => (ended ??= end());
  return {
    urls: new Map([...listeners].map(([name, { url }]) => [name, url])),
    password,
    database: db.description,
    store: archive.description,
    stop,
    [Symbol.asyncDispose]: stop,
  };
};
