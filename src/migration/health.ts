import type { ErrorCode } from '../core/error-catalogue.ts';
import { type AppError, isAppError } from '../core/errors.ts';

/** Faults of a whole store or database: no document is to blame, and going on would only fail all of them. */
const FATAL: readonly ErrorCode[] = [
  'internal',
  'interrupted',
  'store.credentials',
  'store.clock-skew',
  'store.container-missing',
  'store.wrong-region',
  'store.full',
  'store.read-only',
  'store.unmounted',
  'store.tls',
];
/** Faults that pass, or that a single object may cause: a document fails, and many in a row end the run. */
const PASSING: readonly ErrorCode[] = [
  'store.unreachable',
  'store.timeout',
  'store.throttled',
  'store.busy',
  'store.denied',
  'store.failed',
];

/** Tells a document's own failure from a store that is down, so that a run neither lies nor goes on for ever. */
export class Health {
  readonly #maxConsecutive: number;
  #consecutive = 0;

  constructor(maxConsecutive: number) {
    this.#maxConsecutive = maxConsecutive;
  }

  succeeded(): void {
    this.#consecutive = 0;
  }

  /** Throws the error where it ends the run; returns where only the document has failed. */
  failed(error: AppError): void {
    if (error.code.startsWith('database.') || error.code.startsWith('refused.') || isAppError(error, ...FATAL))
      throw error;
    if (!isAppError(error, ...PASSING)) return;
    this.#consecutive += 1;
    if (this.#consecutive >= this.#maxConsecutive) throw error;
  }
}
