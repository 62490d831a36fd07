import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open as openPath, rename, unlink } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import { checkBytes, openChecked } from '../checked-payload.ts';
import type { DocumentKey, Payload, PutOptions } from '../contract.ts';
import { isErrno, toStoreError } from './failure.ts';
import type { FolderIdentities } from './folder-identity.ts';
import type { FolderKeeper, Ownership } from './folder-keeper.ts';
import { joinRoot, planRelativePath } from './layout.ts';
import { makeTemporaryName } from './temporary-files.ts';

/** How often a folder is made again that a cleaning takes away before the file is in it. */
const FOLDER_ATTEMPTS = 5;
const READ_BACK_BYTES = 256 * 1024;

export interface WriterParts {
  readonly root: string;
  readonly identities: FolderIdentities;
  readonly folders: FolderKeeper;
  readonly ownership: Ownership;
  /** Whether the file system has hard links, which make `create` atomic. */
  readonly hasLinks: () => boolean;
}

/** A file under its temporary name. Disposing of it removes what has not been published. */
export interface StagedFile extends AsyncDisposable {
  readonly folder: string;
  readonly finalPath: string;
  /** Of what a reading back of the file gave. */
  readonly md5: string;
  /**
   * Writes the file's bytes to the disk and closes it. After a failure the file is of no use any more: the next
   * attempt starts a new one.
   */
  sync(): Promise<void>;
  /** Gives it its final name. That is durable once its folder has been synced. */
  publish(mode: PutOptions['mode']): Promise<void>;
}

/** Writes the payload beside its final place. Throws `store.corrupt` where the bytes are not what it announced. */
export const stageFile = async (
  parts: WriterParts,
  key: DocumentKey,
  payload: Payload,
  signal?: AbortSignal,
): Promise<StagedFile> => {
  const relative = planRelativePath(key);
  const finalPath = joinRoot(parts.root, relative);
  if (payload.bytes !== undefined) checkBytes({ ...payload, bytes: payload.bytes }, finalPath);
  const { handle, folder, path } = await createTemporary(parts, relative);
  let published = false;
  let open = true;
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await handle.close();
  };
  const remove = async (): Promise<void> => {
    try {
      await close();
    } finally {
      // Its absence is what was wanted; a left-over is recognisable and goes at the next `prepare`.
      if (!published) await unlink(path).catch(() => undefined);
    }
  };
  try {
    await explaining(finalPath, () => applyOwnership(handle, parts.ownership));
    for await (const chunk of openChecked(payload, finalPath, signal)) {
      await explaining(finalPath, () => writeAll(handle, chunk));
    }
    const md5 = await explaining(finalPath, () => readBack(handle, payload.sizeBytes));
    if (md5 !== payload.md5)
      throw new AppError('store.corrupt', `${finalPath}: the file system gave back other bytes than were written`);
    return {
      folder,
      finalPath,
      md5,
      sync: () =>
        explaining(finalPath, async () => {
          await handle.sync();
          // A network file system may say only now that it could not keep the bytes.
          await close();
        }),
      publish: (mode) =>
        explaining(finalPath, async () => {
          await publish(path, finalPath, mode, parts.hasLinks());
          published = true;
        }),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove().catch(() => undefined);
    throw error;
  }
};

/** Errors of the file system as ours. The payload's own are not for us to explain, so they do not pass here. */
const explaining = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(error, path);
  }
};

const applyOwnership = async (handle: FileHandle, { owner, fileMode }: Ownership): Promise<void> => {
  if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
  if (fileMode !== undefined) await handle.chmod(fileMode);
};

interface TemporaryFile {
  readonly handle: FileHandle;
  readonly folder: string;
  readonly path: string;
}

const createTemporary = async (parts: WriterParts, relative: string): Promise<TemporaryFile> => {
  const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  for (let attempt = 1; ; attempt += 1) {
    // Also before each file: without its mount the root would be filled with files that nobody will see again.
    await parts.identities.check(parts.root);
    let path = joinRoot(parts.root, relative);
    try {
      const folder = await parts.folders.makeBelow(parts.root, relative.slice(0, relative.lastIndexOf('/')));
      path = joinRoot(folder, makeTemporaryName());
      return { handle: await openPath(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666), folder, path };
    } catch (error) {
      if (!isAbsent(error) || attempt >= FOLDER_ATTEMPTS) throw toStoreError(error, path);
    }
  }
};

const isAbsent = (error: unknown): boolean => isErrno(error instanceof AppError ? error.cause : error, 'ENOENT');

const writeAll = async (handle: FileHandle, chunk: Uint8Array): Promise<void> => {
  for (let offset = 0; offset < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, offset, chunk.length - offset);
    offset += bytesWritten;
  }
};

const readBack = async (handle: FileHandle, sizeBytes: number): Promise<string> => {
  const hash = createHash('md5');
  const buffer = Buffer.allocUnsafe(Math.min(READ_BACK_BYTES, sizeBytes + 1));
  for (let position = 0; ;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
};

const publish = async (path: string, finalPath: string, mode: PutOptions['mode'], hasLinks: boolean): Promise<void> => {
  if (mode === 'replace') {
    await rename(path, finalPath);
    return;
  }
  if (hasLinks) {
    try {
      await link(path, finalPath);
    } catch (error) {
      if (isErrno(error, 'EEXIST')) throw standsAlready(finalPath);
      throw error;
    }
    // Before the folder is synced, so that a loss of power does not bring it back.
    await unlink(path).catch(() => undefined);
    return;
  }
  const standing = await lstat(finalPath).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (standing !== undefined) throw standsAlready(finalPath);
  await rename(path, finalPath);
};

const standsAlready = (path: string): AppError => new AppError('store.exists', `${path} is there already`);
