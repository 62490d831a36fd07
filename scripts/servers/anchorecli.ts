import { fileURLToPath } from 'node:url';
import { describePythonPackages } from './python-packages.ts';
import type { TestServer } from './server.ts';

/** The original's Python client. What it asks for itself has no build for a Python of today. */
export const server: TestServer = describePythonPackages(
  'anchorecli',
  fileURLToPath(new URL('../../test/anchorecli/requirements.txt', import.meta.url)),
);
