import type { BigIntStats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import { isErrno, toStoreError } from './failure.ts';

/** Which folder a path names, beyond its name. */
export interface FolderIdentity {
  readonly realPath: string;
  readonly device: bigint;
  readonly inode: bigint;
  /** When the file system made it, in nanoseconds; 0 where it does not say. */
  readonly bornNs: bigint;
}

const identityOf = (realPath: string, stats: BigIntStats): FolderIdentity => ({
  realPath,
  device: stats.dev,
  inode: stats.ino,
  bornNs: stats.birthtimeNs,
});

/** undefined where there is no such folder. */
const findFolder = async (path: string): Promise<FolderIdentity | undefined> => {
  try {
    const realPath = await realpath(path);
    const stats = await stat(realPath, { bigint: true });
    if (!stats.isDirectory()) throw new AppError('store.container-missing', `${path}: expected a folder; found a file`);
    return identityOf(realPath, stats);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw toStoreError(error, path);
  }
};

/**
 * Remembers which folder each path named at first: what is absent below it is only absent while it is still that one. A
 * mount that has gone leaves an empty folder of the same name (rule R3).
 */
export class FolderIdentities {
  readonly #known = new Map<string, FolderIdentity>();

  /** Takes note of the folder, where there is one and none was noted before. */
  async note(path: string): Promise<FolderIdentity | undefined> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const found = await findFolder(path);
    if (found !== undefined) this.#known.set(path, found);
    return found;
  }

  /**
   * The folder. Throws `store.container-missing` where there never was one, `store.unmounted` where it is not the one
   * it was.
   */
  async check(path: string): Promise<FolderIdentity> {
    const known = this.#known.get(path);
    const now = await findFolder(path);
    if (known === undefined) {
      if (now === undefined) throw new AppError('store.container-missing', `${path}: there is no such folder`);
      this.#known.set(path, now);
      return now;
    }
    if (
      now === undefined ||
      now.inode !== known.inode ||
      now.device !== known.device ||
      now.realPath !== known.realPath
    ) {
      throw new AppError(
        'store.unmounted',
        `${path}: ${now === undefined ? 'the folder is gone' : 'another folder stands where the archive was'}`,
      );
    }
    return now;
  }
}
