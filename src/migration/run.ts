import type { Store } from '../archive/store.ts';
import type { Log } from '../core/log.ts';
import type { Database, Session } from '../database/database.ts';
import type { FaultPoints } from './fault-points.ts';
import type { Gate } from './gate.ts';
import type { Fence, MigrationRecord } from './migration-store.ts';
import type { Heartbeats } from './quiescence.ts';
import type { RunPhase } from './run-store.ts';

/** How a run works; every figure has a default in `DEFAULT_SETTINGS`, and tests make them small. */
export interface Settings {
  /** Documents in one claim of a worker. */
  readonly chunkSize: number;
  /** Documents that are read, written and recorded together. */
  readonly batchSize: number;
  /** Payload bytes that one batch may hold in memory. */
  readonly batchBytes: number;
  /** Batches under way at once: one is read, one written, one recorded. */
  readonly batchesInFlight: number;
  /** Payload bytes that all batches under way may hold in memory. */
  readonly memoryBytes: number;
  /** Journalled deletes that rule R1 checks together. */
  readonly cleanWindow: number;
  /** How long a PUT of unknown outcome may still land (rule R9); longer than any request's deadline. */
  readonly quietPeriodMs: number;
  /** How long the switch waits for its table lock. */
  readonly switchLockTimeoutMs: number;
  /** How often the switch is tried while rows keep changing. */
  readonly switchAttempts: number;
  /** Documents that may fail one after another for a store's passing fault before the run stops. */
  readonly maxConsecutiveFaults: number;
  /** How long cleaning waits for standbys to confirm the switch (rule R4). */
  readonly standbyTimeoutMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_SETTINGS: Settings = {
  chunkSize: 1_000,
  batchSize: 200,
  batchBytes: 8 * MIB,
  batchesInFlight: 3,
  memoryBytes: 24 * MIB,
  cleanWindow: 50_000,
  quietPeriodMs: 75_000,
  switchLockTimeoutMs: 10_000,
  switchAttempts: 5,
  maxConsecutiveFaults: 10,
  standbyTimeoutMs: 60_000,
};

/** What one process does for one migration, while it holds the lock. */
export interface Run {
  readonly db: Database;
  /** Holds the migration lock, and runs the switch (rule R5). */
  readonly session: Session;
  readonly from: Store;
  readonly to: Store;
  readonly record: MigrationRecord;
  /** `host:pid:thread:`. */
  readonly executor: string;
  /** Fences every journal write: a later process has a higher one. */
  readonly epoch: number;
  readonly readBack: boolean;
  /** Equal URLs name equal objects in both stores. */
  readonly sharedNamespace: boolean;
  readonly force: boolean;
  /** When it was asked that no service runs, by `performance.now()`: from then on they have to be stopped until the switch. */
  readonly checkedAtMs: number;
  /** The services' heartbeats when the run began (rule R14). */
  readonly heartbeats: Heartbeats;
  /** Whether services may still run (precopy). */
  readonly online: boolean;
  readonly settings: Settings;
  readonly faults: FaultPoints;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly progress: (event: ProgressEvent) => void;
  /** Every batch, window and switch enters it: a person may hold the run. */
  readonly gate: Gate;
}

/** What every write of this run's journal has to name. */
export const fenceOf = (run: Run): Fence => ({ id: run.record.id, epoch: run.epoch });

/** What a person watching wants to know. Called often, and synchronously: whoever listens must be quick, and never throw. */
export type ProgressEvent =
  /** The run has the migration; before that it has not begun. */
  | { readonly type: 'started'; readonly record: MigrationRecord; readonly epoch: number; readonly resumed: boolean }
  | { readonly type: 'phase'; readonly phase: RunPhase }
  /** What is left to copy now, its bytes at the source as far as rows tell, and what is copied already. */
  | { readonly type: 'planned'; readonly documents: number; readonly bytes: number; readonly done: number }
  | { readonly type: 'copied'; readonly documents: number; readonly bytes: number }
  | { readonly type: 'failed'; readonly document: string; readonly code: string; readonly text: string }
  | { readonly type: 'switched'; readonly documents: number; readonly seconds: number }
  /** What is to be deleted from the source. */
  | { readonly type: 'to-clean'; readonly documents: number }
  | { readonly type: 'cleaned'; readonly documents: number };
