import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { findServerUser, makeServerFolder, placeBinaries } from './postgres-binaries.ts';
import { createCluster } from './postgres-cluster.ts';

/**
 * Starts and stops the server on one-word commands from standard input, and ends it and removes its folder when that
 * input closes: the kernel closes it however the test process ends, SIGKILL included. It runs in a session of its own, so
 * that a terminal's Ctrl-C cannot kill the watchdog before its server.
 */
const WATCHDOG = `
pid=
start() {
  "$1/bin/postgres" -D "$2/data" -c config_file="$2/data/postgresql.conf" </dev/null >>"$2/server.log" 2>&1 &
  pid=$!
}
end() {
  [ -n "$pid" ] || return 0
  kill "-$1" "$pid" 2>/dev/null
  wait "$pid"
  pid=
}
while read -r command; do
  case $command in
    start) start "$1" "$2" ;;
    stop) end INT ;;
    kill) end QUIT ;;
  esac
  echo "done $command"
done
end QUIT
cd /
rm -rf "$2"
`;

export interface ServerOptions {
  /** Settings beyond the defaults, such as `{ wal_level: 'logical' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A folder with `bin/postgres` that the server's user can enter; else one is prepared. */
  readonly binaries?: string;
}

/** A PostgreSQL server on a free port of 127.0.0.1, which ends with this process at the latest. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Where the Unix socket lies (`.s.PGSQL.<port>`); root and the server's user alone can enter. */
  readonly socketFolder: string;
  readonly binaries: string;
  /** The URL of a database of this server. */
  urlOf(database: string): string;
  /** Ends all sessions and the server in good order. */
  stop(): Promise<void>;
  /** Ends the server as a crash would: the next start recovers from the log. */
  kill(): Promise<void>;
  /** Starts it again after `stop` or `kill`, on the same port. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** The server's own log. */
  readLog(): Promise<string>;
}

/** Commands go to the watchdog one at a time; each is answered with `done`. */
class Watchdog {
  readonly #child: ChildProcess;
  readonly #answers: Interface;
  #queue: Promise<void> = Promise.resolve();

  constructor(child: ChildProcess) {
    if (child.stdin === null || child.stdout === null) throw new Error('the watchdog has no pipes');
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout });
    // A test process that has nothing else to do may end: the watchdog then cleans up.
    child.unref();
    for (const pipe of [child.stdin, child.stdout]) (pipe as { unref?: () => void }).unref?.();
    child.stdin.on('error', () => undefined);
  }

  send(command: 'start' | 'stop' | 'kill'): Promise<void> {
    const answer = this.#queue.then(async () => {
      const pipe = this.#child.stdout as { ref?: () => void; unref?: () => void } | null;
      pipe?.ref?.();
      try {
        const line = once(this.#answers, 'line', { signal: AbortSignal.timeout(60_000) });
        this.#child.stdin?.write(`${command}\n`);
        await line;
      } finally {
        pipe?.unref?.();
      }
    });
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.ref();
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}

/** Ready in about half a second. Its data lies in the temporary folder, written with fsync, as the product demands. */
export const startPostgresServer = async (options: ServerOptions = {}): Promise<PostgresServer> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryStart(options);
    } catch (error) {
      // Another program can take the port between our finding it free and the server's listening on it.
      if (attempt === 3 || !String(error).includes('could not create any TCP')) throw error;
    }
  }
};

const tryStart = async (options: ServerOptions): Promise<PostgresServer> => {
  const owner = await findServerUser();
  const folder = await makeServerFolder(owner);
  try {
    const binaries = options.binaries ?? (await placeBinaries(folder, owner));
    const cluster = await createCluster({ folder, binaries, owner, settings: options.settings ?? {} });
    const { port, password, spawning } = cluster;
    const child = spawn('/bin/sh', ['-c', WATCHDOG, 'watchdog', binaries, folder], {
      ...spawning,
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child, 'spawn');
    const server = new LocalServer(new Watchdog(child), folder, binaries, port, password);
    try {
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
};

class LocalServer implements PostgresServer {
  readonly user = 'postgres';
  readonly port: number;
  readonly password: string;
  readonly socketFolder: string;
  readonly binaries: string;
  readonly #watchdog: Watchdog;

  constructor(watchdog: Watchdog, folder: string, binaries: string, port: number, password: string) {
    this.#watchdog = watchdog;
    this.socketFolder = folder;
    this.binaries = binaries;
    this.port = port;
    this.password = password;
  }

  urlOf(database: string): string {
    return `postgresql://${this.user}:${this.password}@127.0.0.1:${this.port}/${encodeURIComponent(database)}`;
  }

  async start(): Promise<void> {
    const earlier = (await this.readLog()).length;
    await this.#watchdog.send('start');
    const deadline = Date.now() + 60_000;
    // The last line of postmaster.pid is the server's own word on its state.
    while (
      !/^ready\s*$/m.test(await readFile(join(this.socketFolder, 'data/postmaster.pid'), 'utf8').catch(() => ''))
    ) {
      const log = (await this.readLog()).slice(earlier);
      if (
        /FATAL: .*(?:lock file|could not create any TCP)|database system is shut down\s*$/.test(log) ||
        Date.now() > deadline
      )
        throw new Error(`PostgreSQL did not start:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    await this.#watchdog.send('stop');
  }

  async kill(): Promise<void> {
    await this.#watchdog.send('kill');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async readLog(): Promise<string> {
    return readFile(join(this.socketFolder, 'server.log'), 'utf8').catch(() => '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watchdog.end();
  }
}
