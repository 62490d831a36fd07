import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Spawning } from '../../test/support/postgres-cluster.ts';

/**
 * What a running server is known by: kept as JSON, so that a later process can use and stop it. `credentials` are those of
 * a throw-away server on the loopback interface, made up anew at each start.
 */
export interface ServerState {
  readonly name: string;
  /** The folder that holds everything the server writes. */
  readonly folder: string;
  readonly processes: readonly ServerProcess[];
  readonly ports: Readonly<Record<string, number>>;
  readonly credentials: Readonly<Record<string, string>>;
}

/** A process, told from a later one with the same number by the time at which it began. */
export interface ServerProcess {
  readonly pid: number;
  /** Clock ticks since the machine started, from `/proc/<pid>/stat`. */
  readonly startTicks: string;
}

/** A real server for tests. Every module in this folder that runs one exports it as `server`. */
export interface TestServer {
  readonly name: string;
  /** Which version this machine has, for measurements; left out: nobody has asked yet. */
  findVersion?(): Promise<string>;
  /** Whether this machine has the programs. */
  available(): Promise<boolean>;
  /** Whether `install.sh` could install them here; left out: it does not know them. */
  obtainable?(): Promise<boolean>;
  /** Starts it with empty data in a folder of its own, and resolves once it answers. Leaves nothing running if it throws. */
  start(folder: string): Promise<ServerState>;
  /** Ends its processes. May be repeated. */
  stop(state: ServerState): Promise<void>;
}

/** Ports of 127.0.0.1 that nothing listens on: all are held until all are known, so that they differ. */
export const findFreePorts = async (count: number): Promise<number[]> => {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer();
      await new Promise<void>((resolve, reject) => listener.once('error', reject).listen(0, '127.0.0.1', resolve));
      return listener;
    }),
  );
  const ports = listeners.map((listener) => {
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('a listener without a port');
    return address.port;
  });
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  return ports;
};

/** When the process began; undefined where there is none, or only what its parent has not yet taken note of. */
const findStartTicks = async (pid: number): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === undefined || fields[0] === '' || fields[0] === 'Z' ? undefined : fields[19];
};

export interface SpawnOptions {
  readonly logFile: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Its folder, its user, and the whole of its environment, where it gets nothing of this one's. */
  readonly spawning?: Spawning;
}

/** Starts a process that outlives this one, in a session of its own, its output in a file. */
export const startProcess = async (
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<ServerProcess> => {
  await using log = await open(options.logFile, 'a');
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, ...options.environment },
    ...options.spawning,
  });
  await new Promise<void>((resolve, reject) => child.once('error', reject).once('spawn', resolve));
  child.unref();
  const pid = child.pid;
  const startTicks = pid === undefined ? undefined : await findStartTicks(pid);
  if (pid === undefined || startTicks === undefined)
    throw new Error(`${command} ended at once; see ${options.logFile}`);
  return { pid, startTicks };
};

export const isRunning = async (process: ServerProcess): Promise<boolean> =>
  (await findStartTicks(process.pid)) === process.startTicks;

const STOP_TIMEOUT_MS = 5_000;

/** Ends a process and its children: asks, waits up to 5 s, then kills. */
export const stopProcess = async (target: ServerProcess, request: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-target.pid, signal);
    } catch {
      // It ended by itself in the meantime.
    }
  };
  if (!(await isRunning(target))) return;
  signalGroup(request);
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (await isRunning(target)) {
    if (Date.now() > deadline) signalGroup('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** Tries until it succeeds; throws the last error where that takes too long, or as soon as a process has ended. */
export const waitUntilReady = async (
  what: string,
  processes: readonly ServerProcess[],
  probe: () => Promise<void>,
  timeoutMs = 120_000,
): Promise<void> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      for (const each of processes) {
        if (!(await isRunning(each))) throw new Error(`${what}: a process ended while it started`, { cause: error });
      }
      if (Date.now() > deadline) throw new Error(`${what}: not ready after ${timeoutMs} ms`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};
