import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Programs that nobody needs who only uses or builds this one: they are installed into the user's cache when a test first wants them. */
export interface CachedInstall {
  readonly name: string;
  /** Names what is installed: another content is another folder. */
  readonly lockFile: string;
  /** A file below the folder that is there once everything is. */
  readonly program: string;
  /** Installs into an empty folder, which is moved afterwards. */
  readonly install: (folder: string) => Promise<void>;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const findFolder = async ({ name, lockFile }: CachedInstall): Promise<string> => {
  const lock = createHash('sha256').update(await readFile(lockFile));
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'anchore-archive-mover', `${name}-${lock.digest('hex').slice(0, 16)}`);
};

export const isInstalled = async (what: CachedInstall): Promise<boolean> =>
  exists(join(await findFolder(what), what.program));

/** Installs it, unless it is there. Returns the program. */
export const installOnce = async (what: CachedInstall): Promise<string> => {
  const target = await findFolder(what);
  const program = join(target, what.program);
  if (await exists(program)) return program;
  await mkdir(dirname(target), { recursive: true });
  const folder = await mkdtemp(`${target}-`);
  try {
    await what.install(folder);
    // Complete or not there at all; where two runs install it at once, one finds that of the other.
    await rename(folder, target).catch(async (error: unknown) => {
      if (!(await exists(program))) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return program;
};
