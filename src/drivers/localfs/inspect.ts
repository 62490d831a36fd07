import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { StoreCondition } from '../contract.ts';
import { isErrno, toStoreError } from './failure.ts';

/** File systems that do not outlive the machine or container, by their magic number (statfs(2), linux/magic.h). */
const EPHEMERAL: ReadonlyMap<number, string> = new Map([
  [0x794c7630, 'overlay'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

/** The kind of an ephemeral file system; undefined for one that stays. `magic` may come as a signed number. */
export const findEphemeralKind = (magic: number): string | undefined => EPHEMERAL.get(magic >>> 0);

/** The type of the file system on which the folder lies, or would lie. */
const readMagic = async (path: string): Promise<number> => {
  try {
    return (await statfs(path)).type;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR') && dirname(path) !== path) return readMagic(dirname(path));
    throw toStoreError(error, path);
  }
};

export const inspectFolder = async (path: string): Promise<readonly StoreCondition[]> => {
  const kind = findEphemeralKind(await readMagic(path));
  if (kind === undefined) return [];
  const error = new AppError(
    'refused.ephemeral-store',
    `${path} lies on ${kind}, which does not outlive the machine or container`,
  );
  return [{ severity: 'refuse', concerns: 'writing', error, forceable: true }];
};
