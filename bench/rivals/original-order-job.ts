import type { ObjectTarget } from './object-target.ts';

export interface OriginalOrderJob {
  readonly databaseUrl: string;
  readonly target: ObjectTarget;
  /** So many of the archive's documents. */
  readonly documents: number;
}

export interface OriginalOrderReport {
  readonly seconds: number;
  readonly documents: number;
}
