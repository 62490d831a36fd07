import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files synced at once: each waits for the disk. */
const CONCURRENCY = 16;

/** Writes all files and folders below this one to the disk, itself and its entry in its parent too. */
export const syncFolder = async (folder: string): Promise<void> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  // Folders come after what is in them.
  const queue = [dirname(folder), folder, ...paths];
  const worker = async (): Promise<void> => {
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) await syncPath(path);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
};

/** Writes one file, or the entries of one folder, to the disk. */
export const syncPath = async (path: string): Promise<void> => {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY);
  } catch (error) {
    // The database removes files that it no longer needs; a folder above may be one that we cannot open.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')) return;
    throw error;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
