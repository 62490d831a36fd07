import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { canInstallPackages } from './debian.ts';
import type { TestServer } from './server.ts';

const isInstalled = async (program: string): Promise<boolean> => {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
};

/** Programs of Debian's packages that a suite starts itself: nothing runs, but the suite belongs to them. */
export const createPrograms = (name: string, programs: readonly string[]): TestServer => ({
  name,
  available: async () => (await Promise.all(programs.map(isInstalled))).every(Boolean),
  obtainable: canInstallPackages,
  start: async (folder) => ({ name, folder, processes: [], ports: {}, credentials: {} }),
  stop: async () => undefined,
});
