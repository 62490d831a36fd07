import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import type { StoredObject } from '../contract.ts';
import { isErrno, toStoreError } from './failure.ts';
import type { FolderIdentities } from './folder-identity.ts';
import { type FilePlace, joinRoot, pathOf } from './layout.ts';

const CHUNK_BYTES = 256 * 1024;
/** Smaller files are read at once, so that nothing is open when the caller gets them. */
const AT_ONCE_BYTES = 1024 * 1024;

export interface OpenFile extends AsyncDisposable {
  readonly handle: FileHandle;
  readonly path: string;
  readonly sizeBytes: number;
  readonly device: bigint;
  readonly inode: bigint;
  /** See `ObjectInfo`. */
  readonly version: string | undefined;
}

/**
 * No program can set the time of the last change of a file (ctime), but the kernel's clock stands still for some
 * milliseconds, that of some file systems for two seconds: a time that is not past for longer than that may be the
 * time of another change, too.
 */
const SETTLED_MS = 3_000;

const versionOf = (stats: BigIntStats): string | undefined =>
  Date.now() - Number(stats.ctimeMs) < SETTLED_MS
    ? undefined
    : [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');

/**
 * Opens the file for reading. Throws `store.not-found` only while the folder above it is the one that it was, and
 * `store.unsafe-path` where anything below that is a symbolic link, or not a file.
 */
export const openFile = async (place: FilePlace, identities: FolderIdentities): Promise<OpenFile> => {
  const path = pathOf(place);
  let handle: FileHandle | undefined;
  try {
    // Without O_NONBLOCK a pipe that somebody put there would keep us for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await handle.stat({ bigint: true });
    const base = await identities.check(place.base);
    if (!stats.isFile() || (await realpath(path)) !== joinRoot(base.realPath, place.relative)) {
      throw new AppError('store.unsafe-path', `${path}: expected a file, and no symbolic link below ${place.base}`);
    }
    const opened = handle;
    return {
      handle: opened,
      path,
      sizeBytes: Number(stats.size),
      device: stats.dev,
      inode: stats.ino,
      version: versionOf(stats),
      [Symbol.asyncDispose]: () => opened.close(),
    };
  } catch (error) {
    await handle?.close();
    throw await explainAbsence(error, place, identities);
  }
};

/**
 * `store.not-found` where the file system says so of a folder that is still the one it was; else what is wrong with
 * that.
 */
const explainAbsence = async (error: unknown, place: FilePlace, identities: FolderIdentities): Promise<unknown> => {
  if (!isErrno(error, 'ENOENT', 'ENOTDIR')) return toStoreError(error, pathOf(place));
  try {
    await identities.check(place.base);
  } catch (reason) {
    return reason;
  }
  return new AppError('store.not-found', `${pathOf(place)} is not there`, { cause: error });
};

export const readObject = async (
  place: FilePlace,
  identities: FolderIdentities,
  signal?: AbortSignal,
): Promise<StoredObject> => {
  await using file = await openFile(place, identities);
  const { sizeBytes } = file;
  // A large file is opened anew when the reading begins: whoever never begins leaves nothing open.
  if (sizeBytes > AT_ONCE_BYTES) return { sizeBytes, chunks: readLater(place, identities, signal) };
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(file, signal)) chunks.push(chunk);
  return {
    sizeBytes,
    chunks: (async function* () {
      for (const chunk of chunks) {
        signal?.throwIfAborted();
        yield chunk;
      }
    })(),
  };
};

async function* readLater(
  place: FilePlace,
  identities: FolderIdentities,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  await using file = await openFile(place, identities);
  yield* readChunks(file, signal);
}

async function* readChunks(file: OpenFile, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let position = 0; ;) {
    signal?.throwIfAborted();
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(file.sizeBytes - position, 1)));
    const { bytesRead } = await readOrExplain(file, buffer, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

const readOrExplain = async (
  file: OpenFile,
  buffer: Buffer,
  position: number,
): Promise<{ readonly bytesRead: number }> => {
  try {
    return await file.handle.read(buffer, 0, buffer.length, position);
  } catch (error) {
    throw toStoreError(error, file.path);
  }
};

export const hashFile = async (file: OpenFile, signal?: AbortSignal): Promise<string> => {
  const hash = createHash('md5');
  for await (const chunk of readChunks(file, signal)) hash.update(chunk);
  return hash.digest('hex');
};

/** Whether the path still names the file that was opened. */
export const isStill = async (file: OpenFile): Promise<boolean> => {
  try {
    const stats = await lstat(file.path, { bigint: true });
    return stats.ino === file.inode && stats.dev === file.device;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw toStoreError(error, file.path);
  }
};
