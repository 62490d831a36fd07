import type { DisplayValue } from '../../config/section-values.ts';
import type { ErrorCode } from '../../core/error-catalogue.ts';
import type { LimitValues } from '../../drivers/wrappers/limits.ts';
import type { Forecast } from '../../migration/forecast.ts';
import type { Estimate } from './estimate.ts';
import type { Holdings, SideTrial } from './trials.ts';

/** Something that a migration would meet. */
export interface Problem {
  /** `refuse`: `migrate` would not do it, or not get to its end. */
  readonly severity: 'refuse' | 'warn';
  readonly code: ErrorCode | 'reminder.backup';
  readonly message: string;
  readonly remedy: string;
}

export interface PlannedSide {
  readonly config: string;
  readonly driver: string;
  readonly description: string;
  /** `created`: it does not exist, and `migrate` would create it. */
  readonly state: 'ready' | 'created' | 'missing' | 'unusable';
}

export interface Space {
  /** What the copies will take at the destination, about; undefined where nothing tells. */
  readonly neededBytes: number;
  /** What is free there; null where the store does not say. */
  readonly freeBytes: number | null;
  /** What the journal will take in the database, about. */
  readonly journalBytes: number;
  /** What deleting the source will free; 0 where it is kept. */
  readonly freedBytes: number;
  /** Whether the room comes back by itself, or what has to be done for it. */
  readonly freedHow: string;
}

/** A migration that the same command would continue. */
export interface Continued {
  readonly id: number;
  readonly copied: number;
  readonly copiedBytes: number;
}

export interface Difference {
  readonly key: string;
  /** null where the key is not there. */
  readonly from: DisplayValue;
  readonly to: DisplayValue;
}

export interface NextStep {
  readonly when: string;
  readonly command: string;
}

/** Everything that `plan` says; with `--json`, this is what is printed. */
export interface Plan {
  readonly from: PlannedSide;
  readonly to: PlannedSide;
  readonly database: string;
  readonly forecast: Forecast;
  readonly continued: Continued | null;
  /** The migration that has brought the archive to the destination already, where nothing is left to move; else null. */
  readonly arrivedWith: number | null;
  /** What the destination holds already; null where that cannot be seen. */
  readonly holdings: Holdings | null;
  readonly trials: readonly SideTrial[];
  /** How many documents were read, and whether that was all of them. */
  readonly read: { readonly documents: number; readonly unreadable: number; readonly all: boolean };
  readonly estimate: Estimate | null;
  /** What the estimate keeps to: the options, and what `limit` has asked of a migration that is continued; null: nothing is limited. */
  readonly limits: { readonly [Name in keyof LimitValues]-?: number | null };
  /** Why there is no estimate. */
  readonly unmeasured: string | null;
  readonly space: Space;
  readonly differences: readonly Difference[];
  readonly keepsSource: boolean;
  readonly problems: readonly Problem[];
  readonly refused: boolean;
  readonly exit: 0 | 3 | 4;
  readonly next: readonly NextStep[];
}
