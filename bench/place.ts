import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { server as minio } from '../scripts/servers/minio.ts';
import type { ServerState, TestServer } from '../scripts/servers/server.ts';
import { server as swift } from '../scripts/servers/swift.ts';
import { server as versitygw } from '../scripts/servers/versitygw.ts';
import { type PrivatePostgres, startPrivatePostgres } from '../test/support/postgres.ts';
import { type ArchiveShape, fillArchive, withClient } from './documents/fill-archive.ts';

const SERVERS: Readonly<Record<StoreServer, TestServer>> = { swift, versitygw, minio };

export type StoreServer = 'swift' | 'versitygw' | 'minio';

/** As an operator sets it who reads one page about it; durability as the product demands it, and as it is by default. */
const POSTGRES_SETTINGS = {
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  autovacuum_naptime: '60s',
};

/** A database of one run. */
export interface BenchDatabase extends AsyncDisposable {
  readonly url: string;
  /** A file that holds the URL, for `--db-connect-file`. */
  readonly urlFile: string;
}

/** Where a row runs: a folder, a PostgreSQL, and the servers of stores, all of which end with it. */
export class Place implements AsyncDisposable {
  readonly folder: string;
  readonly #postgres: PrivatePostgres;
  readonly #servers = new Map<StoreServer, ServerState>();
  readonly #templates = new Map<string, Promise<string>>();

  readonly #folders: string[] = [];

  private constructor(folder: string, postgres: PrivatePostgres) {
    this.folder = folder;
    this.#postgres = postgres;
  }

  static async open(folder = tmpdir()): Promise<Place> {
    const own = await mkdtemp(join(folder, 'archive-bench-'));
    try {
      return new Place(own, await startPrivatePostgres({ settings: POSTGRES_SETTINGS }));
    } catch (error) {
      await rm(own, { recursive: true, force: true });
      throw error;
    }
  }

  /** A new folder, which is there until the row ends. */
  async makeFolder(name: string): Promise<string> {
    const folder = join(this.folder, `${name}-${randomBytes(4).toString('hex')}`);
    await mkdir(folder, { recursive: true });
    this.#folders.push(folder);
    return folder;
  }

  /** By the system's own command, which does a million files in seconds. */
  async removeFolder(folder: string): Promise<void> {
    await promisify(execFile)('rm', ['-rf', '--', folder]);
  }

  /** For a person, such as `versitygw v1.8.0`. */
  async describeServer(name: StoreServer): Promise<string> {
    return `${name} ${(await SERVERS[name].findVersion?.()) ?? ''}`.trimEnd();
  }

  async isAvailable(name: StoreServer): Promise<boolean> {
    return SERVERS[name].available();
  }

  /** Starts the server with empty data, unless it runs. `fresh`: also if it runs, which frees what it holds. */
  async getServer(name: StoreServer, { fresh = false } = {}): Promise<ServerState> {
    const running = this.#servers.get(name);
    if (running !== undefined && !fresh) return running;
    if (running !== undefined) await this.#stopServer(name, running);
    const started = await SERVERS[name].start(join(this.folder, name));
    this.#servers.set(name, started);
    return started;
  }

  async #stopServer(name: StoreServer, state: ServerState): Promise<void> {
    await SERVERS[name].stop(state);
    this.#servers.delete(name);
    await rm(state.folder, { recursive: true, force: true });
  }

  async #stopServers(): Promise<void> {
    for (const [name, state] of this.#servers) await this.#stopServer(name, state);
  }

  #admin(statement: string): Promise<unknown> {
    return withClient(this.#postgres.urlOf('postgres'), (client) => client.query(statement));
  }

  async #makeTemplate(shape: ArchiveShape): Promise<string> {
    const name = `archive_${this.#templates.size}_${randomBytes(4).toString('hex')}`;
    await this.#admin(`CREATE DATABASE ${name} TEMPLATE template0`);
    await fillArchive(this.#postgres.urlOf(name), shape);
    return name;
  }

  /** A copy of an archive with these documents. */
  async createDatabase(shape: ArchiveShape): Promise<BenchDatabase> {
    const id = JSON.stringify(shape);
    const template = this.#templates.get(id) ?? this.#makeTemplate(shape);
    this.#templates.set(id, template);
    const name = `run_${randomBytes(6).toString('hex')}`;
    await this.#admin(`CREATE DATABASE ${name} TEMPLATE ${await template} STRATEGY FILE_COPY`);
    const url = this.#postgres.urlOf(name);
    const urlFile = join(this.folder, `${name}.url`);
    await writeFile(urlFile, url, { mode: 0o600 });
    return {
      url,
      urlFile,
      [Symbol.asyncDispose]: async () => {
        await this.#admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        await rm(urlFile, { force: true });
      },
    };
  }

  /** Writes out what the database and the system hold back, so that it does not weigh on the run that begins. */
  async settle(): Promise<void> {
    await this.#admin('CHECKPOINT');
    await promisify(execFile)('sync');
  }

  /** Makes room for the next row, which has servers and archives of its own. */
  async clear(): Promise<void> {
    await this.#stopServers();
    for (const template of this.#templates.values()) await this.#admin(`DROP DATABASE IF EXISTS ${await template}`);
    this.#templates.clear();
    await Promise.all(this.#folders.splice(0).map((folder) => this.removeFolder(folder)));
  }

  async readPostgresVersion(): Promise<string> {
    return withClient(this.#postgres.urlOf('postgres'), async (client) => {
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      return rows[0]?.server_version ?? 'unknown';
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopServers();
    await this.#postgres[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
