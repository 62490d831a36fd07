import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ServerUser } from './postgres-binaries.ts';

/** How the server's own programs are started: nothing of the environment reaches them. */
export interface Spawning {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/** The data of a server that was never started. */
export interface Cluster {
  readonly dataFolder: string;
  readonly port: number;
  /** Of the user `postgres`. */
  readonly password: string;
  readonly spawning: Spawning;
}

export interface ClusterOptions {
  /** The server's own: for its data and its socket. */
  readonly folder: string;
  readonly binaries: string;
  readonly owner: ServerUser | undefined;
  readonly settings: Readonly<Record<string, string>>;
}

const findFreePort = async (): Promise<number> => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
};

const writeSetting = ([name, value]: readonly [string, string]): string =>
  `${name} = '${value.replaceAll("'", "''")}'\n`;

/** Makes the data of a server that listens on a free port of 127.0.0.1, and on a socket in its folder. */
export const createCluster = async ({ folder, binaries, owner, settings }: ClusterOptions): Promise<Cluster> => {
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (owner !== undefined) await chown(passwordFile, owner.uid, owner.gid);
  const dataFolder = join(folder, 'data');
  const spawning = { cwd: folder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', TMPDIR: folder }, ...owner };
  const authentication = ['-U', 'postgres', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256'];
  await promisify(execFile)(
    join(binaries, 'bin/initdb'),
    ['-D', dataFolder, ...authentication, '-E', 'UTF8', '--locale=C', '-N'],
    spawning,
  );
  const port = await findFreePort();
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    max_connections: '200',
    shared_buffers: '64MB',
    timezone: 'UTC',
    ...settings,
  };
  await writeFile(join(dataFolder, 'postgresql.conf'), Object.entries(all).map(writeSetting), { flag: 'a' });
  return { dataFolder, port, password, spawning };
};
