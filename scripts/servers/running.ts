import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRunning, type ServerState } from './server.ts';

/** Where servers keep their data, and what runs is written down. */
export const SERVERS_FOLDER = fileURLToPath(new URL('../../.servers', import.meta.url));
const STATE_FILE = join(SERVERS_FOLDER, 'state.json');

const readStates = async (): Promise<readonly ServerState[]> => {
  try {
    return JSON.parse(await readFile(STATE_FILE, 'utf8')) as ServerState[];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
};

const allRun = async (state: ServerState): Promise<boolean> =>
  (await Promise.all(state.processes.map((each) => isRunning(each)))).every(Boolean);

/** The servers that were started and of which something still runs; `whole` says whether all of it does. */
export const findStarted = async (): Promise<readonly { readonly state: ServerState; readonly whole: boolean }[]> =>
  Promise.all((await readStates()).map(async (state) => ({ state, whole: await allRun(state) })));

/** Writes down what runs. The file holds the passwords of throw-away servers, so only its owner may read it. */
export const writeStates = async (states: readonly ServerState[]): Promise<void> => {
  await mkdir(SERVERS_FOLDER, { recursive: true });
  await writeFile(`${STATE_FILE}.new`, `${JSON.stringify(states, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${STATE_FILE}.new`, STATE_FILE);
};

/** A server that runs, for a test. Throws where it does not: `npm run servers:start` starts it. */
export const getRunning = async (name: string): Promise<ServerState> => {
  const found = (await findStarted()).find(({ state, whole }) => whole && state.name === name);
  if (found === undefined) throw new Error(`${name} does not run: npm run servers:start ${name}`);
  return found.state;
};
