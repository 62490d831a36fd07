import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findStarted, SERVERS_FOLDER, writeStates } from './running.ts';
import type { ServerState, TestServer } from './server.ts';

/** Each server is a module of its own that exports it as `server`. */
export const SERVER_NAMES: readonly string[] = [
  'postgres',
  'versitygw',
  'minio',
  'swift',
  'keystone',
  'pgbouncer',
  'azurite',
  'anchorecli',
  'deploytools',
  'shells',
  'terminal',
  'chromium',
];

const loadServers = async (names: readonly string[]): Promise<readonly TestServer[]> => {
  for (const name of names) {
    if (!SERVER_NAMES.includes(name)) throw new Error(`${name}: expected one of ${SERVER_NAMES.join(', ')}`);
  }
  const wanted = names.length === 0 ? SERVER_NAMES : SERVER_NAMES.filter((name) => names.includes(name));
  const modules = await Promise.all(
    wanted.map(async (name) => (await import(`./${name}.ts`)) as { readonly server: TestServer }),
  );
  return modules.map(({ server }) => server);
};

export interface Started {
  /** Those that were started now; others ran already. */
  readonly started: readonly string[];
  readonly running: readonly string[];
  /** Those that this machine does not have. */
  readonly unavailable: readonly string[];
  /** Of those the ones that it could have. */
  readonly missing: readonly string[];
  readonly failed: readonly string[];
}

/** Starts what is missing, one after the other: the machine may be small. What fails is said, and the others go on. */
export const startServers = async (names: readonly string[], say: (text: string) => void): Promise<Started> => {
  const result = {
    started: [] as string[],
    running: [] as string[],
    unavailable: [] as string[],
    missing: [] as string[],
    failed: [] as string[],
  };
  for (const server of await loadServers(names)) {
    const before = await findStarted();
    const own = before.find(({ state }) => state.name === server.name);
    const others = before.filter(({ state }) => state.name !== server.name).map(({ state }) => state);
    if (own?.whole === true) {
      say(`${server.name}: runs already`);
      result.running.push(server.name);
      continue;
    }
    if (!(await server.available())) {
      const obtainable = (await server.obtainable?.()) ?? false;
      say(
        obtainable
          ? `${server.name}: missing, scripts/servers/install.sh installs its programs`
          : `${server.name}: left out, this machine does not have its programs`,
      );
      if (obtainable) result.missing.push(server.name);
      result.unavailable.push(server.name);
      continue;
    }
    try {
      if (own !== undefined) await server.stop(own.state);
      const state: ServerState = await server.start(join(SERVERS_FOLDER, server.name));
      await writeStates([...others, state]);
      say(`${server.name}: started`);
      result.started.push(server.name);
      result.running.push(server.name);
    } catch (error) {
      say(`${server.name}: could not be started: ${error instanceof Error ? error.message : String(error)}`);
      result.failed.push(server.name);
    }
  }
  return result;
};

/** Ends what was started, and removes its data. */
export const stopServers = async (names: readonly string[], say: (text: string) => void): Promise<void> => {
  for (const server of await loadServers(names)) {
    const before = await findStarted();
    const own = before.find(({ state }) => state.name === server.name);
    if (own === undefined) continue;
    await server.stop(own.state);
    await writeStates(before.filter((each) => each !== own).map(({ state }) => state));
    await rm(join(SERVERS_FOLDER, server.name), { recursive: true, force: true });
    say(`${server.name}: stopped`);
  }
};

export interface ServerStatus {
  readonly name: string;
  readonly status: string;
}

export const findServers = async (): Promise<readonly ServerStatus[]> => {
  const started = await findStarted();
  return Promise.all(
    (await loadServers([])).map(async (server) => {
      const { name } = server;
      const own = started.find(({ state }) => state.name === name);
      if (own === undefined)
        return { name, status: (await server.available()) ? 'not started' : 'not on this machine' };
      const ports = Object.entries(own.state.ports).map(([what, port]) => `${what} on port ${port}`);
      return { name, status: own.whole ? `runs, ${ports.join(', ')}` : 'broken: some of its processes have ended' };
    }),
  );
};
