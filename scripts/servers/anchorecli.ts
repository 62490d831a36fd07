import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CachedInstall, installOnce, isInstalled } from './cached-install.ts';
import { canInstallPackages } from './debian.ts';
import type { ServerState, TestServer } from './server.ts';

/**
 * The original's Python client, from PyPI, in a virtual environment of its own. Not a server: nothing runs, and its tests
 * find its Python in the credentials.
 */
const REQUIREMENTS = fileURLToPath(new URL('../../test/anchorecli/requirements.txt', import.meta.url));
const PYTHON = 'python3';
const INSTALL_TIMEOUT_MS = 5 * 60_000;

const run = promisify(execFile);

const CLIENT: CachedInstall = {
  name: 'anchorecli',
  lockFile: REQUIREMENTS,
  program: 'bin/python',
  install: async (folder) => {
    await run(PYTHON, ['-m', 'venv', folder], { timeout: INSTALL_TIMEOUT_MS });
    // The file names everything: what the client itself asks for has no build for a Python of today.
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', REQUIREMENTS];
    await run(`${folder}/bin/python`, args, { timeout: INSTALL_TIMEOUT_MS });
  },
};

const available = async (): Promise<boolean> => {
  if (await isInstalled(CLIENT)) return true;
  return run(PYTHON, ['-c', 'import venv, ensurepip']).then(
    () => true,
    () => false,
  );
};

const start = async (folder: string): Promise<ServerState> => {
  const python = await installOnce(CLIENT);
  await mkdir(folder, { recursive: true });
  return { name: 'anchorecli', folder, processes: [], ports: {}, credentials: { python } };
};

export const server: TestServer = {
  name: 'anchorecli',
  available,
  obtainable: canInstallPackages,
  start,
  stop: () => Promise.resolve(),
};
