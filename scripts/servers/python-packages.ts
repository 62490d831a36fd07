import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type CachedInstall, installOnce, isInstalled } from './cached-install.ts';
import { canInstallPackages } from './debian.ts';
import type { TestServer } from './server.ts';

const PYTHON = 'python3';
const INSTALL_TIMEOUT_MS = 5 * 60_000;

const run = promisify(execFile);

/**
 * Packages of PyPI in a virtual environment of their own. Not a server: nothing runs, and tests find the Python in the
 * credentials. The requirements name everything, also what the packages ask for.
 */
export const describePythonPackages = (name: string, requirements: string): TestServer => {
  const install: CachedInstall = {
    name,
    lockFile: requirements,
    program: 'bin/python',
    install: async (folder) => {
      await run(PYTHON, ['-m', 'venv', folder], { timeout: INSTALL_TIMEOUT_MS });
      const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements];
      await run(`${folder}/bin/python`, args, { timeout: INSTALL_TIMEOUT_MS });
    },
  };
  return {
    name,
    available: async () => {
      if (await isInstalled(install)) return true;
      return run(PYTHON, ['-c', 'import venv, ensurepip']).then(
        () => true,
        () => false,
      );
    },
    obtainable: canInstallPackages,
    start: async (folder) => {
      const python = await installOnce(install);
      await mkdir(folder, { recursive: true });
      return { name, folder, processes: [], ports: {}, credentials: { python } };
    },
    stop: () => Promise.resolve(),
  };
};
