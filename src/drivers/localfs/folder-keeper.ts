import { chmod, chown, lstat, mkdir, open, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { isErrno, toStoreError } from './failure.ts';
import { joinRoot } from './layout.ts';

export interface Ownership {
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Permission bits; undefined: as the umask makes them. */
  readonly fileMode: number | undefined;
  readonly folderMode: number | undefined;
}

/** Writes the folder's entries to the disk. */
export const syncFolder = async (path: string): Promise<void> => {
  try {
    await using handle = await open(path, 'r');
    await handle.sync();
  } catch (error) {
    throw toStoreError(error, path);
  }
};

/** Makes folders whose entries are on the disk, and takes away those that have become empty. */
export class FolderKeeper {
  readonly #ownership: Ownership;
  /**
   * Folders whose own entry is known to be on the disk, with their inode: a folder of that name made anew is another.
   */
  readonly #durable = new Map<string, bigint>();

  constructor(ownership: Ownership) {
    this.#ownership = ownership;
  }

  /** Makes the folder and those above it. May be repeated. */
  async makeRoot(path: string): Promise<void> {
    try {
      await this.#make(path);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw toStoreError(error, path);
      await this.makeRoot(dirname(path));
      await this.#makeWhereAllowed(path);
    }
    await syncFolder(dirname(path));
  }

  /** Some file systems, as /proc, say of a folder that may not be made that it does not exist. */
  async #makeWhereAllowed(path: string): Promise<void> {
    try {
      await this.#make(path);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw toStoreError(error, path);
      throw new AppError('store.read-only', `${path}: no folder can be made there (ENOENT)`, {
        cause: error,
        remedy: 'Name a folder on a file system for files.',
      });
    }
  }

  /**
   * Makes the folders of a relative path below the root, none of which may be a symbolic link, and syncs the entry of
   * each, whoever made it: another process may have done so a moment ago without having synced it yet.
   */
  async makeBelow(root: string, relative: string): Promise<string> {
    let parent = root;
    for (const name of relative.split('/')) {
      const path = joinRoot(parent, name);
      try {
        await this.#makeOne(parent, path);
      } catch (error) {
        throw toStoreError(error, path);
      }
      parent = path;
    }
    return parent;
  }

  async #makeOne(parent: string, path: string): Promise<void> {
    let inode = await this.#findInode(path);
    if (inode === undefined) {
      await this.#make(path);
      inode = await this.#findInode(path);
    }
    if (inode !== undefined && this.#durable.get(path) === inode) return;
    await syncFolder(parent);
    if (inode !== undefined) this.#durable.set(path, inode);
  }

  async #findInode(path: string): Promise<bigint | undefined> {
    try {
      const stats = await lstat(path, { bigint: true });
      if (stats.isSymbolicLink())
        throw new AppError('store.unsafe-path', `${path}: expected a folder; found a symbolic link`);
      if (!stats.isDirectory()) throw new AppError('store.failed', `${path}: expected a folder; found a file`);
      return stats.ino;
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #make(path: string): Promise<void> {
    try {
      await mkdir(path);
    } catch (error) {
      if (isErrno(error, 'EEXIST')) return;
      throw error;
    }
    const { owner, folderMode } = this.#ownership;
    if (owner !== undefined) await chown(path, owner.uid, owner.gid);
    if (folderMode !== undefined) await chmod(path, folderMode);
  }

  /**
   * Takes away the folders of a relative path below a base that are empty, from the last upwards. The operating system
   * refuses where anything is left, and a writer whose folder goes away before its file is there makes it again.
   */
  async removeEmpty(base: string, relative: string): Promise<void> {
    const names = relative.split('/');
    for (let depth = names.length; depth > 0; depth -= 1) {
      const path = joinRoot(base, names.slice(0, depth).join('/'));
      try {
        await rmdir(path);
        this.#durable.delete(path);
      } catch {
        return; // not empty, not ours to remove, or gone: nothing depends on it
      }
    }
  }
}
