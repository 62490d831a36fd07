import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CachedInstall, installOnce, isInstalled } from './cached-install.ts';
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
const INSTALL_TIMEOUT_MS = 10 * 60_000;

const run = promisify(execFile);

const AZURITE: CachedInstall = {
  name: 'azurite',
  lockFile: join(PACKAGE_FOLDER, 'package-lock.json'),
  program: 'node_modules/azurite/dist/src/blob/main.js',
  install: async (folder) => {
    for (const file of PACKAGE_FILES) await cp(join(PACKAGE_FOLDER, file), join(folder, file));
    // Its optional packages and their scripts serve other stores than the one for blobs.
    const args = ['ci', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
    await run('npm', args, { cwd: folder, timeout: INSTALL_TIMEOUT_MS });
  },
};

const available = async (): Promise<boolean> => {
  if (await isInstalled(AZURITE)) return true;
  return run('npm', ['--version']).then(
    () => true,
    () => false,
  );
};

const start = async (folder: string): Promise<ServerState> => {
  const program = await installOnce(AZURITE);
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
