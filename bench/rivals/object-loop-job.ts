import type { ObjectTarget } from './object-target.ts';

/** What the bare loop does, as JSON in a file whose name is its only argument. */
export interface ObjectLoopJob {
  readonly target: ObjectTarget;
  readonly action: { readonly kind: 'put' } | { readonly kind: 'copy'; readonly fromContainer: string };
  /** Read into memory before the clock starts; objects take them in turn. Not used to copy. */
  readonly payloadFiles: readonly string[];
  readonly keys: readonly string[];
  readonly concurrency: number;
}

/** What it says on standard output. */
export interface ObjectLoopReport {
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** User and system, in that time. */
  readonly cpuSeconds: number;
  readonly bytes: number;
}
