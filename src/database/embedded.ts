import { existsSync } from 'node:fs';
import { mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import type { ClientBase } from 'pg';
import { AppError, messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { EmbeddedTarget } from './database-target.ts';
import type { Database } from './database.ts';
import { readEmbeddedAssets } from './embedded-assets.ts';
import { ExclusiveUse } from './exclusive-use.ts';
import { lockFolder } from './folder-lock.ts';
import { PooledDatabase } from './pooled-database.ts';
import { planSessionSettings } from './session-settings.ts';
import { SharedSession } from './shared-session.ts';
import { syncFolder, syncPath } from './sync-folder.ts';
import { findTypeParser } from './type-parsers.ts';

/** Where the database's own files lie, in the folder that was named. */
const DATA_FOLDER = 'database';
/** Stands there while the database's files are being created: what a kill then left is not a database. */
const UNFINISHED_FILE = 'database.unfinished';

/**
 * Opens PGlite, a PostgreSQL compiled to WebAssembly, on a folder: for trying out and small archives. One process at a time, one
 * session. What is committed outlives a kill of the process at once, but a loss of power only after `sync`. Throws
 * `refused.embedded-in-use`, `database.failed` where the folder cannot be used.
 */
export const openEmbeddedDatabase = async (target: EmbeddedTarget, log: Log): Promise<Database> => {
  await using cleanup = new AsyncDisposableStack();
  const folder = await makeFolder(resolve(target.folder));
  cleanup.use(await lockFolder(folder));

  const { lite, dataFolder } = await openLite(folder);

  const [{ default: pg }, { createPgConfig }] = await Promise.all([
    import('pg'),
    import('@electric-sql/pglite/node-postgres'),
  ]);
  const config = createPgConfig(lite);
  cleanup.defer(() => {
    // What a failed statement has left to be sent fails once it is closed, and by then nobody listens: Node would end.
    config.connection.on('error', () => undefined);
    return lite.close();
  });
  const settings = planSessionSettings({ schema: 'public', statementTimeoutMs: 0 });
  const pool = new pg.Pool(
    Object.assign(config, {
      // PGlite's own reader of bytea runs out of memory at 100 MB; through pg's protocol ours is used.
      types: { getTypeParser: (oid: number) => findTypeParser(oid) ?? pg.types.getTypeParser(oid, 'text') },
      max: 1,
      // Its connection is never given up: what one client of PGlite's leaves behind, the next would get.
      idleTimeoutMillis: 0,
      onConnect: async (client: ClientBase) => void (await client.query(settings.text, [...settings.values])),
    }),
  );
  const resources = cleanup.move();
  const database: PooledDatabase = new PooledDatabase(pool, {
    kind: 'embedded',
    schema: 'public',
    description: folder,
    log,
    exclusive: new ExclusiveUse(),
    acquire: () => pool.connect(),
    openSession: async () => new SharedSession(database),
    sync: async () => {
      await database.query('CHECKPOINT');
      await syncFolder(dataFolder);
    },
    close: () => resources.disposeAsync(),
  });
  try {
    // Opens it, and proves that it answers.
    await database.query('SELECT 1');
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
};

const makeFolder = async (folder: string): Promise<string> => {
  try {
    const first = await mkdir(folder, { recursive: true, mode: 0o700 });
    // A new folder outlives a loss of power only if its parent is on the disk.
    if (first !== undefined) {
      for (let path = folder; path.length >= first.length; path = dirname(path)) await syncPath(dirname(path));
    }
    return await realpath(folder);
  } catch (error) {
    throw new AppError(
      'database.failed',
      `the folder ${folder} of the embedded database cannot be used: ${messageOf(error)}`,
      {
        cause: error,
        remedy: 'Name a folder that can be written to, or a PostgreSQL server with --db-connect.',
      },
    );
  }
};

interface OpenedLite {
  readonly lite: PGlite;
  readonly dataFolder: string;
}

/** The caller holds the folder's lock. */
const openLite = async (folder: string): Promise<OpenedLite> => {
  const { PGlite: Lite } = await import('@electric-sql/pglite');
  // A folder that is itself one of PGlite's is taken as it is.
  const dataFolder = existsSync(join(folder, 'PG_VERSION')) ? folder : join(folder, DATA_FOLDER);
  const unfinished = join(folder, UNFINISHED_FILE);
  try {
    if (existsSync(unfinished)) await rm(dataFolder, { recursive: true, force: true });
    const fresh = !existsSync(dataFolder);
    if (fresh) await writeFile(unfinished, '');
    const lite = await Lite.create({ dataDir: dataFolder, ...(await readEmbeddedAssets()) });
    if (fresh) {
      await syncFolder(dataFolder);
      await rm(unfinished);
    }
    return { lite, dataFolder };
  } catch (error) {
    throw new AppError('database.failed', `the embedded database ${folder} cannot be opened: ${messageOf(error)}`, {
      cause: error,
    });
  }
};
