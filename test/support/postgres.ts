import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import pg from 'pg';
import { type PostgresServer, type ServerOptions, startPostgresServer } from './postgres-server.ts';

/**
 * A real PostgreSQL for tests, without anything installed but npm packages. `npm test` starts one server for all test
 * files and names it in TEST_POSTGRES_URL; a test file run alone starts its own, which ends with the process.
 */
export interface TestPostgres {
  /** A database of its own for one test, a copy of a template in some 50 ms. */
  createDatabase(options?: { readonly template?: 'empty' | 'fixture' }): Promise<TestDatabase>;
}

/** A private server, which a test may stop, kill and restart. Dispose of it. */
export type PrivatePostgres = TestPostgres & PostgresServer;

/** Disposing of it ends its sessions. It is dropped with the server, or once there are many. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** A connection for the test itself, which the product takes for a person's psql, not for a running service. End it, or drop the database. */
  connect(): Promise<pg.Client>;
  /** One statement on a connection of its own. */
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  drop(): Promise<void>;
}

/** A full database of Anchore Engine 1.1.0 with 500 documents in the `db` driver. */
export const FIXTURE_SQL = new URL('../../fixtures/anchore-engine-1.1.0-500-documents.sql.gz', import.meta.url);

/** Lines of `bucket`, `archiveId` ..., and the SHA-256 of each of the fixture's documents. */
export const FIXTURE_TSV = new URL('../../fixtures/anchore-engine-1.1.0-500-documents.tsv', import.meta.url);

const TEMPLATE = 'fixture_template';

/** How many databases one test process may leave to the end, each of some 10 MB, with the fixture 40 MB. */
const MAX_LEFT_DATABASES = 20;
let leftDatabases = 0;

/** For servers that no test kills: nothing of theirs has to outlive a crash. `fsync` stays on, the product demands it. */
export const SHARED_SERVER_SETTINGS = { synchronous_commit: 'off' };

const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url, application_name: 'psql' });
  // A server that is killed on purpose takes its idle sessions with it; without a listener that would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

const runOn = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = await connect(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

const withDatabase = (url: string, name: string): string => {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
};

/** Loads the fixture once a server. The caller holds the lock. */
const ensureFixture = async (admin: pg.Client, url: string): Promise<void> => {
  const ready = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate', [TEMPLATE]);
  if (ready.rowCount === 1) return;
  await admin.query(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${TEMPLATE} TEMPLATE template0`);
  const sql = await promisify(gunzip)(await readFile(FIXTURE_SQL));
  await runOn(withDatabase(url, TEMPLATE), (client) => client.query(sql.toString('utf8')));
  await admin.query(`ALTER DATABASE ${TEMPLATE} IS_TEMPLATE true`);
};

class LocalDatabase implements TestDatabase {
  readonly url: string;
  readonly name: string;
  readonly #adminUrl: string;

  constructor(adminUrl: string, name: string) {
    this.#adminUrl = adminUrl;
    this.name = name;
    this.url = withDatabase(adminUrl, name);
  }

  connect(): Promise<pg.Client> {
    return connect(this.url);
  }

  async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return runOn(this.url, async (client) => (await client.query<Row>(text, [...values])).rows);
  }

  async drop(): Promise<void> {
    await runOn(this.#adminUrl, (admin) => admin.query(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`));
  }

  /** DROP DATABASE waits for a checkpoint, a second or more on a slow disk, so it is put off. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (leftDatabases++ >= MAX_LEFT_DATABASES) return this.drop();
    await runOn(this.#adminUrl, (admin) =>
      admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [this.name]),
    );
  }
}

const createDatabaseOn =
  (adminUrl: string): TestPostgres['createDatabase'] =>
  async ({ template = 'empty' } = {}) => {
    const name = `test_${randomBytes(6).toString('hex')}`;
    await runOn(adminUrl, async (admin) => {
      // A template can be copied only while nobody is connected to it, so all test processes take turns.
      await admin.query('SELECT pg_advisory_lock(20, 18)');
      if (template === 'fixture') await ensureFixture(admin, adminUrl);
      await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template === 'fixture' ? TEMPLATE : 'template0'}`);
    });
    return new LocalDatabase(adminUrl, name);
  };

/** A server of the test's own, with its own settings. Ready in about half a second. */
export const startPrivatePostgres = async (options: ServerOptions = {}): Promise<PrivatePostgres> => {
  const binaries = options.binaries ?? process.env['TEST_POSTGRES_BINARIES'];
  const server = await startPostgresServer(binaries === undefined ? options : { ...options, binaries });
  return Object.assign(server, { createDatabase: createDatabaseOn(server.urlOf('postgres')) });
};

let shared: Promise<TestPostgres> | undefined;

/** The server that all tests share: use databases of your own, and leave its settings alone. */
export const getTestPostgres = (): Promise<TestPostgres> => {
  const url = process.env['TEST_POSTGRES_URL'];
  shared ??=
    url === undefined
      ? startPrivatePostgres({ settings: SHARED_SERVER_SETTINGS })
      : Promise.resolve({ createDatabase: createDatabaseOn(url) });
  return shared;
};
