import { measureObject } from '../archive/payload.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { Driver, ObjectRef, PutReceipt } from '../drivers/contract.ts';

/** What a destination has to hold. */
export interface Expected {
  readonly md5: string;
  readonly sizeBytes: number;
}

/** `proved`, or what stands there instead. */
export type Finding = 'proved' | 'absent' | 'different';

/** Whether the store's own answer to a write proves that it holds these bytes. */
export const receiptProves = (receipt: PutReceipt, expected: Expected): boolean =>
  receipt.md5 === expected.md5 && (receipt.sizeBytes === undefined || receipt.sizeBytes === expected.sizeBytes);

/** Reads the object back and compares; nothing is trusted that was not hashed. */
export const readBack = async (
  driver: Driver,
  ref: ObjectRef,
  expected: Expected,
  signal?: AbortSignal,
): Promise<Finding> => {
  try {
    const seen = await measureObject(driver, ref, false, signal);
    return seen.md5 === expected.md5 && seen.sizeBytes === expected.sizeBytes ? 'proved' : 'different';
  } catch (error) {
    if (isAppError(error, 'store.not-found')) return 'absent';
    throw error;
  }
};

/** Proves an object by the checksum that the store computed, or else by reading it back. */
export const proveObject = async (
  driver: Driver,
  ref: ObjectRef,
  expected: Expected,
  forceReadBack: boolean,
  signal?: AbortSignal,
): Promise<Finding> => {
  if (!forceReadBack) {
    const info = await driver.head(ref, signal);
    if (info === undefined) return 'absent';
    if (info.md5 !== undefined) {
      return info.md5 === expected.md5 && info.sizeBytes === expected.sizeBytes ? 'proved' : 'different';
    }
  }
  return readBack(driver, ref, expected, signal);
};

export const unproven = (ref: ObjectRef, finding: Finding): AppError =>
  new AppError(
    'document.unproven',
    finding === 'absent'
      ? `${ref.url}: the destination does not have what it acknowledged`
      : `${ref.url}: the destination holds other bytes than were sent`,
  );
