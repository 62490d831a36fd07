import type { Dirent } from 'node:fs';
import { lstat, opendir, unlink } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import { isErrno, toStoreError } from './failure.ts';
import { DOCUMENT_FILE, HASH_FOLDER, joinRoot, USER_FOLDER } from './layout.ts';
import { isAbandoned, isTemporaryName, STALE_AFTER_MS } from './temporary-files.ts';

export interface FoundFile {
  /** Below the root. */
  readonly relative: string;
  readonly sizeBytes: number;
}

/** What every file system may put into its own root. */
const SYSTEM_FOLDERS = new Set(['lost+found']);

async function* readFolder(path: string): AsyncGenerator<Dirent> {
  try {
    for await (const entry of await opendir(path, { bufferSize: 256 })) yield entry;
  } catch (error) {
    // Removed since it was listed in its parent: nothing is in it.
    if (!isErrno(error, 'ENOENT')) throw toStoreError(error, path);
  }
}

/** Folders whose names fit. Throws `store.unsafe-path` where one is a link: what lies behind it would be left out. */
async function* findFolders(parent: string, pattern: RegExp): AsyncGenerator<string> {
  for await (const entry of readFolder(parent)) {
    if (!pattern.test(entry.name)) continue;
    const path = joinRoot(parent, entry.name);
    if (entry.isSymbolicLink())
      throw new AppError('store.unsafe-path', `${path}: expected a folder; found a symbolic link`);
    if (entry.isDirectory()) yield entry.name;
  }
}

/** The folders in which documents lie, below the root. */
async function* findHashFolders(root: string): AsyncGenerator<string> {
  for await (const user of findFolders(root, USER_FOLDER)) {
    for await (const bucket of findFolders(joinRoot(root, user), /./s)) {
      for await (const hash of findFolders(joinRoot(root, `${user}/${bucket}`), HASH_FOLDER))
        yield `${user}/${bucket}/${hash}`;
    }
  }
}

/** Every document below the root. Other files are left out: the layout alone says what is a document. */
export async function* findDocuments(root: string, signal?: AbortSignal): AsyncGenerator<FoundFile> {
  for await (const folder of findHashFolders(root)) {
    for await (const entry of readFolder(joinRoot(root, folder))) {
      signal?.throwIfAborted();
      if (!DOCUMENT_FILE.test(entry.name)) continue;
      const relative = `${folder}/${entry.name}`;
      const sizeBytes = await findSize(joinRoot(root, relative));
      if (sizeBytes !== undefined) yield { relative, sizeBytes };
    }
  }
}

const findSize = async (path: string): Promise<number | undefined> => {
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink())
      throw new AppError('store.unsafe-path', `${path}: expected a file; found a symbolic link`);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw toStoreError(error, path);
  }
};

/** At most `limit` entries of the root's first two levels that no archive put there. */
export const findForeignFiles = async (root: string, limit: number): Promise<readonly string[]> => {
  const foreign: string[] = [];
  for await (const entry of readFolder(root)) {
    if (SYSTEM_FOLDERS.has(entry.name) || isTemporaryName(entry.name)) continue;
    if (!entry.isDirectory() || !USER_FOLDER.test(entry.name)) {
      foreign.push(entry.name);
    } else {
      for await (const bucket of readFolder(joinRoot(root, entry.name))) {
        if (!bucket.isDirectory()) foreign.push(`${entry.name}/${bucket.name}`);
        if (foreign.length >= limit) break;
      }
    }
    if (foreign.length >= limit) break;
  }
  return foreign.toSorted();
};

/** Removes what killed writers left. Those that are at work are safe: their files are young. */
export const removeStaleFiles = async (root: string, signal?: AbortSignal): Promise<void> => {
  await removeStaleIn(root, signal);
  for await (const folder of findHashFolders(root)) await removeStaleIn(joinRoot(root, folder), signal);
};

const removeStaleIn = async (folder: string, signal?: AbortSignal): Promise<void> => {
  for await (const entry of readFolder(folder)) {
    signal?.throwIfAborted();
    if (!entry.isFile() || !isTemporaryName(entry.name)) continue;
    const path = joinRoot(folder, entry.name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats === undefined) continue;
    const isLeft = isAbandoned(entry.name) || Date.now() - stats.mtimeMs > STALE_AFTER_MS;
    // Whatever keeps it there, it is in nobody's way.
    if (isLeft) await unlink(path).catch(() => undefined);
  }
};
