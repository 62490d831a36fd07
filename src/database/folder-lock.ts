import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { redact } from '../core/secrets.ts';

/** Holds a folder until it is disposed of or the process ends, however it ends. */
export interface FolderLock extends AsyncDisposable {
  readonly folder: string;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly command: string;
  /** ISO, UTC. */
  readonly since: string;
}

const HOLDER_FILE = 'in-use.json';
const SOCKET_FILE = 'in-use.sock';

/**
 * Takes the folder for this process, or throws `refused.embedded-in-use` naming who has it.
 *
 * Two listening sockets make the lock, because the kernel closes them with the process: nothing has to be cleaned up, and
 * no recorded pid has to be trusted. The one without a file (Linux's abstract namespace) is bound atomically, so of two
 * processes that race one wins; it is seen within one network namespace. The one in the folder is seen by other
 * containers that share the folder on this machine; of two containers that both find a dead one in the same instant, both could win. What neither
 * can see is a process on another machine, by a network file system: never share the folder that way.
 */
export const lockFolder = async (folder: string): Promise<FolderLock> => {
  const first = await listen(uniqueName(folder));
  if (first === undefined) throw inUse(folder);
  const directory = openSync(folder, 'r');
  let second: Server | undefined;
  try {
    // A path to a socket may have some 100 bytes: through the open folder it is always short.
    const path = process.platform === 'linux' ? `/proc/self/fd/${directory}/${SOCKET_FILE}` : undefined;
    if (path !== undefined) {
      if (await answers(path)) throw inUse(folder);
      rmSync(path, { force: true });
      // Some file systems (of virtual machines) have no sockets: there the first one has to do.
      second = await tryListen(path).catch(() => undefined);
    }
    const command = redact([basename(process.argv[1] ?? 'node'), ...process.argv.slice(2)].join(' '));
    const holder: Holder = { pid: process.pid, host: hostname(), command, since: new Date().toISOString() };
    writeFileSync(join(folder, HOLDER_FILE), `${JSON.stringify(holder)}\n`);
  } catch (error) {
    await Promise.all([close(first), close(second)]);
    closeSync(directory);
    throw error;
  }
  let released = false;
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      if (released) return;
      released = true;
      rmSync(join(folder, HOLDER_FILE), { force: true });
      await close(second);
      closeSync(directory);
      await close(first);
    },
  };
};

/** The folder itself, whatever path leads to it. */
const uniqueName = (folder: string): string => {
  const { dev, ino } = statSync(folder);
  const name = `anchore-manager-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32)}`;
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`);
};

/** undefined where another process listens there. */
const listen = async (path: string): Promise<Server | undefined> => {
  for (let attempt = 1; ; attempt += 1) {
    const server = await tryListen(path);
    if (server !== undefined || path.startsWith('\0') || attempt > 1 || (await answers(path))) return server;
    // A socket's file outlives its process.
    rmSync(path, { force: true });
  }
};

const tryListen = (path: string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    // Nothing is said on it: that it accepts is the whole message.
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => resolve(server));
  });

/** Whether a living process listens at this path. */
const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // Without the right to connect, or with a full backlog, somebody may be there.
      resolve(error.code === 'EACCES' || error.code === 'EAGAIN');
    });
  });

const close = (server: Server | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (server === undefined) resolve();
    else server.close(() => resolve());
  });

const inUse = (folder: string): AppError => {
  const holder = findHolder(folder);
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`} (${holder.command}), since ${holder.since}`;
  return new AppError('refused.embedded-in-use', `the embedded database ${folder} is used by ${who}`);
};

const findHolder = (folder: string): Holder | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, HOLDER_FILE), 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, host, command, since } = value as Partial<Record<keyof Holder, unknown>>;
    return typeof pid === 'number' &&
      typeof host === 'string' &&
      typeof command === 'string' &&
      typeof since === 'string'
      ? { pid, host, command, since }
      : undefined;
  } catch {
    // The holder is just about to write it.
    return undefined;
  }
};
