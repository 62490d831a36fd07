import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  findFreePorts,
  type ServerState,
  startProcess,
  stopProcess,
  type TestServer,
  waitUntilReady,
} from './server.ts';

/**
 * Azurite, the Azure Blob Storage that its makers give to developers. It brings some 450 packages of its own, which
 * nobody needs who only uses or builds this program: they have a package.json and lock file apart, and are installed into
 * the user's cache when it is first started.
 */
const PACKAGE_FOLDER = fileURLToPath(new URL('../../test/azurite', import.meta.url));
const PACKAGE_FILES = ['package.json', 'package-lock.json', '.npmrc'];
const PROGRAM = 'node_modules/azurite/dist/src/blob/main.js';
const INSTALL_TIMEOUT_MS = 10 * 60_000;

const run = promisify(execFile);

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Where what the lock file names is installed: another lock file is another folder. */
const findCache = async (): Promise<string> => {
  const lock = createHash('sha256').update(await readFile(join(PACKAGE_FOLDER, 'package-lock.json')));
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'anchore-archive-mover', `azurite-${lock.digest('hex').slice(0, 16)}`);
};

const available = async (): Promise<boolean> => {
  if (await exists(join(await findCache(), PROGRAM))) return true;
  return run('npm', ['--version']).then(
    () => true,
    () => false,
  );
};

/** Installs what the lock file names, unless it is there. Returns the program. */
const install = async (): Promise<string> => {
  const target = await findCache();
  const program = join(target, PROGRAM);
  if (await exists(program)) return program;
  await mkdir(dirname(target), { recursive: true });
  const folder = await mkdtemp(`${target}-`);
  try {
    for (const file of PACKAGE_FILES) await cp(join(PACKAGE_FOLDER, file), join(folder, file));
    // Its optional packages and their scripts serve other stores than the one for blobs.
    const args = ['ci', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
    await run('npm', args, { cwd: folder, timeout: INSTALL_TIMEOUT_MS });
    // Complete or not there at all; where two runs install it at once, one finds that of the other.
    await rename(folder, target).catch(async (error: unknown) => {
      if (!(await exists(program))) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return program;
};

const start = async (folder: string): Promise<ServerState> => {
  const program = await install();
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'data'), { recursive: true });
  const [port = 0] = await findFreePorts(1);
  const account = `account${randomBytes(4).toString('hex')}`;
  const key = randomBytes(48).toString('base64');
  const credentials = { url: `http://127.0.0.1:${port}/${account}`, account, key };
  const args = ['--blobHost', '127.0.0.1', '--blobPort', String(port), '--location', join(folder, 'data')];
  const server = await startProcess(process.execPath, [program, ...args, '--disableTelemetry', '--silent'], {
    logFile: join(folder, 'azurite.log'),
    environment: { AZURITE_ACCOUNTS: `${account}:${key}` },
  });
  const state: ServerState = { name: 'azurite', folder, processes: [server], ports: { blob: port }, credentials };
  try {
    await waitUntilReady('azurite', state.processes, async () => {
      await (await fetch(credentials.url)).arrayBuffer();
    });
    return state;
  } catch (error) {
    await stop(state);
    throw error;
  }
};

const stop = async (state: ServerState): Promise<void> => {
  await Promise.all(state.processes.map((each) => stopProcess(each)));
};

export const server: TestServer = { name: 'azurite', available, start, stop };
