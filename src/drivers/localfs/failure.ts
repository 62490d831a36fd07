import type { ErrorCode } from '../../core/error-catalogue.ts';
import { AppError, messageOf } from '../../core/errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly remedy?: string;
}

/** What the operating system's errors mean here (errno(3)). */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  EACCES: { code: 'store.denied', text: 'permission denied' },
  EPERM: { code: 'store.denied', text: 'the operation is not permitted' },
  EROFS: { code: 'store.read-only', text: 'the file system is read-only' },
  ENOSPC: { code: 'store.full', text: 'no space is left' },
  EDQUOT: { code: 'store.full', text: 'the disk quota is used up' },
  EFBIG: { code: 'store.too-large', text: 'the file would be larger than this file system can hold' },
  ELOOP: { code: 'store.unsafe-path', text: 'a symbolic link stands in the way' },
  EMLINK: { code: 'store.unsafe-path', text: 'a symbolic link stands in the way' },
  ENOTDIR: {
    code: 'store.failed',
    text: 'a file stands where a folder should',
    remedy: 'Move the file that is in the way, or name another folder.',
  },
  EISDIR: {
    code: 'store.failed',
    text: 'a folder stands where a file should',
    remedy: 'Move the folder that is in the way, or name another one as the root.',
  },
  ENAMETOOLONG: { code: 'store.invalid-url', text: 'a name is longer than this file system can hold' },
  EMFILE: { code: 'store.busy', text: 'this process has too many open files' },
  ENFILE: { code: 'store.busy', text: 'this machine has too many open files' },
  EBUSY: { code: 'store.busy', text: 'the file system is busy' },
  ESTALE: { code: 'store.unmounted', text: 'the network file system has lost the file' },
  ENODEV: { code: 'store.unmounted', text: 'the device is gone' },
  ENXIO: { code: 'store.unmounted', text: 'the device is gone' },
  ENOTCONN: { code: 'store.unreachable', text: 'the network file system cannot be reached' },
  ETIMEDOUT: { code: 'store.timeout', text: 'the network file system did not answer in time' },
  // Whether the disk will keep anything is unknown: a later success would prove nothing.
  EIO: {
    code: 'store.failed',
    text: 'the disk failed to read or write',
    remedy: 'Look into the log of the system for the disk, and do not trust it before.',
  },
};

/** `ENOENT` and the like; undefined for what the operating system did not say. */
const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

export const isErrno = (error: unknown, ...codes: readonly string[]): boolean => {
  const code = errnoOf(error);
  return code !== undefined && codes.includes(code);
};

/**
 * An error of the file system as ours, with the path it is about. Others (a signal's reason, a payload's error) stay
 * as they are.
 */
export const toStoreError = (error: unknown, path: string): unknown => {
  const code = errnoOf(error);
  if (error instanceof AppError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  const meaning = MEANINGS[code] ?? { code: 'store.failed', text: messageOf(error) };
  const remedy = meaning.remedy === undefined ? {} : { remedy: meaning.remedy };
  return new AppError(meaning.code, `${path}: ${meaning.text} (${code})`, { cause: error, ...remedy });
};
