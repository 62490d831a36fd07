import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describePythonPackages } from './python-packages.ts';
import type { TestServer } from './server.ts';

/** What judges the files of `deploy/`: the schemas of Kubernetes from PyPI, and docker-compose from Debian. */
const packages = describePythonPackages(
  'deploytools',
  fileURLToPath(new URL('../../test/deploy/requirements.txt', import.meta.url)),
);

const hasCompose = (): Promise<boolean> =>
  promisify(execFile)('docker-compose', ['version']).then(
    () => true,
    () => false,
  );

export const server: TestServer = {
  ...packages,
  available: async () => (await hasCompose()) && (await packages.available()),
};
