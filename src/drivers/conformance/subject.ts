import type { ErrorCode } from '../../core/error-catalogue.ts';
import type { Driver } from '../contract.ts';

/** A store for one run of the suite: empty, and of no use to anybody else. */
export interface OpenedStore {
  /** Not prepared yet. The suite closes it. */
  readonly driver: Driver;
  /** Removes the store, after its driver was closed. */
  readonly remove?: () => PromiseLike<void>;
}

/** In what a store departs from the others; everything that is left out is as the contract says. */
export interface Quirks {
  /** Keys (by their name in `KEYS`) that the store cannot hold, and the error with which it says so. */
  readonly refusedKeys?: Readonly<Record<string, ErrorCode>>;
  /** Groups of keys (by name) that the store takes for one and the same. */
  readonly equalKeys?: readonly (readonly string[])[];
  /** The longest archive id that the store holds, in ASCII characters. */
  readonly maxArchiveIdLength?: number;
  /** The error for a bucket name that leads elsewhere (`../x`, `a/b`); undefined: the store holds such names. */
  readonly unsafeBucket?: ErrorCode;
  /** Of those bucket names the ones that the store holds all the same. */
  readonly heldBuckets?: readonly string[];
  /** The largest object of the suite, where the store is too slow for the usual 5 MiB. */
  readonly largeBytes?: number;
  /** The store copies without comparing, so the driver does not have it copy. */
  readonly copiesUnchecked?: boolean;
  /** A delete that names an MD5 compares and deletes in two steps. */
  readonly deleteNotAtomic?: boolean;
}

export interface ConformanceSubject {
  /** Shown in the report: the driver, and the server where there are several. */
  readonly name: string;
  readonly open: () => Promise<OpenedStore>;
  readonly quirks: Quirks;
}

/** What the cases work with, open while they run. */
export interface OpenSubject {
  readonly driver: () => Driver;
  readonly quirks: Quirks;
}
