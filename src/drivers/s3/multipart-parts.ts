import { openChecked } from '../checked-payload.ts';
import type { Payload } from '../contract.ts';

export interface PartSizes {
  /** Payloads above this are sent in parts; in bytes. */
  readonly multipartBytes: number;
  /** What a part has at least; in bytes. S3 wants 5 MiB, the last part apart. */
  readonly partBytes: number;
}

const MIB = 1024 * 1024;
export const DEFAULT_PART_SIZES: PartSizes = { multipartBytes: 64 * MIB, partBytes: 16 * MIB };

/** What S3 allows an upload to have. */
const MAX_PARTS = 10_000;
/** The parts of one upload that are in memory at once have at most this together, or are two; in bytes. */
const MEMORY_BYTES = 64 * MIB;
const MAX_PARALLEL = 4;

export interface PartPlan {
  readonly partBytes: number;
  /** How many parts are on their way at once. */
  readonly parallel: number;
}

export const planParts = (sizeBytes: number, sizes: PartSizes): PartPlan => {
  const needed = Math.ceil(sizeBytes / MAX_PARTS);
  const partBytes = needed <= sizes.partBytes ? sizes.partBytes : Math.ceil(needed / MIB) * MIB;
  return { partBytes, parallel: Math.min(MAX_PARALLEL, Math.max(1, Math.floor(MEMORY_BYTES / partBytes) - 1)) };
};

export interface Part {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/**
 * A payload cut into parts, in order. Ends with `store.corrupt` where all the bytes together are not what the payload
 * says of itself: so whoever reads it to its end may complete the upload. `see` gets the bytes of each part.
 */
export async function* cutParts(
  payload: Payload,
  partBytes: number,
  what: string,
  signal: AbortSignal,
  see: (bytes: Uint8Array) => void,
): AsyncGenerator<Part> {
  let number = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const close = (): Part => {
    const bytes = held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held);
    [held, heldBytes] = [[], 0];
    number += 1;
    see(bytes);
    return { number, bytes };
  };
  for await (const piece of openChecked(payload, what, signal)) {
    for (let rest = piece; rest.length > 0;) {
      const taken = rest.subarray(0, partBytes - heldBytes);
      held.push(taken);
      heldBytes += taken.length;
      rest = rest.subarray(taken.length);
      if (heldBytes === partBytes) yield close();
    }
  }
  if (heldBytes > 0 || number === 0) yield close();
}
