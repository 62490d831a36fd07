import type { ErrorCode } from '../../core/error-catalogue.ts';
import { AppError } from '../../core/errors.ts';
import type { Operation } from './forwarding-driver.ts';

/** What goes wrong with one request. */
export type Fault =
  /** `before`: the store never sees it. `after`: it takes effect, and its acknowledgement is lost. */
  | {
      readonly kind: 'error';
      readonly when: 'before' | 'after';
      readonly code: ErrorCode;
      readonly retryAfterMs?: number;
    }
  /** The body ends after so many bytes, on its way to or from the store, without any error. */
  | { readonly kind: 'truncate'; readonly keepBytes: number }
  /** One bit of the body changes, on its way to or from the store. */
  | { readonly kind: 'flip'; readonly atByte: number }
  /** The body breaks off with an error after so many bytes; only where one is read. */
  | { readonly kind: 'break'; readonly afterBytes: number; readonly code: ErrorCode }
  /** The answer comes late. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** The answer never comes: only a signal ends the wait. */
  | { readonly kind: 'hang' };

/** A request, as a script of faults sees it. */
export interface FaultyCall {
  readonly operation: Operation;
  /** Which request to this driver, from 1. */
  readonly index: number;
  /** Which request of this operation, from 1. */
  readonly operationIndex: number;
  /** URL, or for several objects their URLs with line ends between them. */
  readonly subject: string;
}

/** Decides what goes wrong; undefined: nothing. */
export type FaultScript = (call: FaultyCall) => Fault | undefined;

export interface PlannedFault {
  readonly on: Operation;
  readonly fault: Fault;
}

/** The faults in turn, each for the next request of its operation; after the last everything goes well. */
export const faultsInTurn = (...faults: readonly PlannedFault[]): FaultScript => {
  const left = [...faults];
  return ({ operation }) => {
    const place = left.findIndex(({ on }) => on === operation);
    return place < 0 ? undefined : left.splice(place, 1)[0]?.fault;
  };
};

export interface FaultRate {
  /** Of all requests, from 0 to 1. */
  readonly rate: number;
  readonly fault: Fault;
  /** Which operations can meet it; else all. */
  readonly on?: readonly Operation[];
}

/** Faults at random, the same ones in the same order for the same seed. */
export const faultsFromSeed = (seed: number, rates: readonly FaultRate[]): FaultScript => {
  const random = makeRandom(seed);
  return ({ operation }) => {
    for (const { rate, fault, on } of rates) {
      if (random() < rate && (on === undefined || on.includes(operation))) return fault;
    }
    return undefined;
  };
};

/** From 0 to 1 (the generator "mulberry32"). */
const makeRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export const makeFaultError = (
  fault: { readonly code: ErrorCode; readonly retryAfterMs?: number },
  subject: string,
): AppError =>
  new AppError(
    fault.code,
    `${subject}: a fault that was injected`,
    fault.retryAfterMs === undefined ? {} : { retryAfterMs: fault.retryAfterMs },
  );

/** The bytes as they arrive. */
export async function* damageChunks(
  chunks: AsyncIterable<Uint8Array>,
  fault: Fault,
  subject: string,
): AsyncGenerator<Uint8Array, void> {
  let seenBytes = 0;
  for await (const chunk of chunks) {
    const start = seenBytes;
    seenBytes += chunk.length;
    if (fault.kind === 'break' && seenBytes > fault.afterBytes) {
      if (fault.afterBytes > start) yield chunk.subarray(0, fault.afterBytes - start);
      throw makeFaultError(fault, subject);
    }
    if (fault.kind === 'truncate' && seenBytes > fault.keepBytes) {
      if (fault.keepBytes > start) yield chunk.subarray(0, fault.keepBytes - start);
      return;
    }
    yield fault.kind === 'flip' ? flipBit(chunk, fault.atByte - start) : chunk;
  }
}

export const damageBytes = (bytes: Uint8Array, fault: Fault): Uint8Array => {
  if (fault.kind === 'truncate') return bytes.subarray(0, fault.keepBytes);
  return fault.kind === 'flip' ? flipBit(bytes, fault.atByte) : bytes;
};

/** The same bytes where the place lies outside of them. */
const flipBit = (bytes: Uint8Array, at: number): Uint8Array => {
  const before = bytes[at];
  if (before === undefined) return bytes;
  const copy = Uint8Array.from(bytes);
  copy[at] = before ^ 1;
  return copy;
};
