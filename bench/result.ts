import type { ProfileSummary } from './profile/summarise.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** One run of one contender. What it did not measure is left out. */
export interface Sample {
  readonly wallSeconds: number;
  readonly documents: number;
  readonly bytes?: number;
  /** Of the whole process, user and system. */
  readonly cpuSeconds?: number;
  readonly peakMemoryBytes?: number;
  /** Further figures, named with their unit: `switchSeconds`. */
  readonly more?: Readonly<Record<string, number>>;
}

export interface Target {
  readonly bound: 'at least' | 'at most';
  readonly value: number;
}

/** Something that the project wants to reach, and what was measured of it in each run. */
export interface Claim {
  readonly what: string;
  /** Left out: measured for its own sake. */
  readonly target?: Target;
  readonly unit: 'x' | 's' | 'ms' | 'MB' | 'documents/s' | 'MB/s';
  readonly values: readonly number[];
}

export interface JudgedClaim extends Claim {
  readonly spread: Spread;
  /** Of the median; undefined without a target. */
  readonly met: boolean | undefined;
}

export interface Machine {
  readonly processors: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly postgres: string;
}

export interface Contender {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** Everything about one row of the page, as it is kept in `results/<row>.json`. */
export interface RowResult {
  readonly row: string;
  readonly title: string;
  /** How much there was to do, settings found by a sweep, and what else one must know to read the figures. */
  readonly conditions: Readonly<Record<string, string | number>>;
  readonly contenders: readonly Contender[];
  readonly claims: readonly Claim[];
  readonly profile?: ProfileSummary;
}

export interface KeptResult extends Omit<RowResult, 'claims'> {
  readonly claims: readonly JudgedClaim[];
  readonly machine: Machine;
  /** The servers of stores that took part, with their versions. */
  readonly servers: readonly string[];
  readonly mode: 'quick' | 'full';
  /** The revision of the sources, with `+` where they were changed since. */
  readonly revision: string;
  /** How many others wanted a processor when the row began and when it ended. */
  readonly loadAverage: readonly [before: number, after: number];
}

export const judge = (claim: Claim): JudgedClaim => {
  const spread = spreadOf(claim.values);
  const { target } = claim;
  const met =
    target === undefined
      ? undefined
      : target.bound === 'at least'
        ? spread.median >= target.value
        : spread.median <= target.value;
  return { ...claim, spread, met };
};

export const documentsPerSecond = (sample: Sample): number => sample.documents / sample.wallSeconds;

export const megabytesPerSecond = (sample: Sample): number => (sample.bytes ?? 0) / 1e6 / sample.wallSeconds;
