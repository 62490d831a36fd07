import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, isAppError, toAppError } from '../../core/errors.ts';
import type { DeleteItem, DeleteOutcome } from '../contract.ts';
import { mapLimited } from '../map-limited.ts';
import { isErrno, toStoreError } from './failure.ts';
import type { FolderIdentities } from './folder-identity.ts';
import { type FolderKeeper, syncFolder } from './folder-keeper.ts';
import { type FilePlace, isDocumentPath, isPlaceOf, parsePlace, pathOf } from './layout.ts';
import { hashFile, isStill, openFile } from './read-file.ts';

const FILES_AT_ONCE = 8;

export interface DeletionParts {
  readonly root: string;
  readonly identities: FolderIdentities;
  readonly folders: FolderKeeper;
}

/** A file whose name is gone, but perhaps not yet on the disk. */
interface Removal {
  readonly index: number;
  readonly place: FilePlace;
}

/** Deletes files, then syncs each of their folders once, then takes away those that have become empty. */
export const deleteFiles = async (
  parts: DeletionParts,
  items: readonly DeleteItem[],
  signal?: AbortSignal,
): Promise<readonly DeleteOutcome[]> => {
  const removals: Removal[] = [];
  const outcomes = await mapLimited(items, FILES_AT_ONCE, async (item, index): Promise<DeleteOutcome> => {
    try {
      signal?.throwIfAborted();
      const place = parsePlace(item.ref.url, parts.root);
      refuseForeign(place, item, parts.root);
      const outcome = await deleteFile(place, item.md5, parts.identities, signal);
      if (outcome === 'deleted') removals.push({ index, place });
      return { outcome };
    } catch (error) {
      return { outcome: 'failed', error: toAppError(error) };
    }
  });
  const byFolder = Map.groupBy(removals, ({ place }) => dirname(pathOf(place)));
  await mapLimited([...byFolder], FILES_AT_ONCE, async ([folder, removed]) => {
    try {
      await syncFolder(folder);
      const [first] = removed;
      if (first !== undefined) await parts.folders.removeEmpty(first.place.base, dirname(first.place.relative));
    } catch (error) {
      // Another deletion took the empty folder away and with it every entry.
      if (isErrno(isAppError(error) ? error.cause : error, 'ENOENT')) return;
      for (const { index } of removed) outcomes[index] = { outcome: 'failed', error: toAppError(error) };
    }
  });
  return outcomes;
};

/**
 * Below our own root any document's file; elsewhere only the one that is exactly where this key's document would be.
 */
const refuseForeign = (place: FilePlace, { ref }: DeleteItem, root: string): void => {
  if (place.base === root ? isDocumentPath(place.relative) : isPlaceOf(place, ref.key)) return;
  throw new AppError('store.unsafe-path', `${ref.url}: expected the place of a document of this archive; not deleted`);
};

/**
 * Between the last look and the removal another process could still put another file there: the file system has no
 * conditional removal. Services replace documents by writing into the file, so that is what the look is for.
 */
const deleteFile = async (
  place: FilePlace,
  md5: string | undefined,
  identities: FolderIdentities,
  signal?: AbortSignal,
): Promise<'deleted' | 'absent' | 'changed'> => {
  try {
    await using file = await openFile(place, identities);
    if (md5 !== undefined && (await hashFile(file, signal)) !== md5) return 'changed';
    if (!(await isStill(file))) return 'changed';
    await unlink(file.path);
    return 'deleted';
  } catch (error) {
    if (isAppError(error, 'store.not-found') || isErrno(error, 'ENOENT')) return 'absent';
    throw toStoreError(error, pathOf(place));
  }
};
