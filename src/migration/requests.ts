import type { Store } from '../archive/store.ts';
import type { Log } from '../core/log.ts';
import type { Database } from '../database/database.ts';
import type { FaultPoints } from './fault-points.ts';
import type { Gate } from './gate.ts';
import type { MigrationRecord } from './migration-store.ts';
import type { ProgressEvent, Settings } from './run.ts';
import type { ArchiveScope } from './scope.ts';

/** One side of a migration: an open store, and where its configuration stands. */
export interface Side {
  readonly store: Store;
  /** Absolute path of the configuration file. */
  readonly config: string;
  readonly archive: ArchiveScope;
}

/** A store that ends with the scope in which it was opened. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: Store;
}

/** What every operation of this layer needs. */
export interface Environment {
  readonly db: Database;
  readonly log: Log;
  /** Aborted by SIGINT or SIGTERM: work under way is finished or abandoned, and the state says so. */
  readonly signal: AbortSignal;
  readonly settings: Settings;
  readonly faults: FaultPoints;
  readonly toolVersion: string;
  /** `host:pid:thread:`, as Anchore writes it. */
  readonly executorId: string;
  readonly progress: (event: ProgressEvent) => void;
  readonly gate: Gate;
  /** Opens the store to which a migration has brought the archive, by the configuration file that its journal names. Throws `config.*`, `store.*`. */
  readonly openDestination?: (record: MigrationRecord) => Promise<OpenedStore>;
}

export interface MigrateRequest {
  readonly from: Side;
  readonly to: Side;
  /** Only these logical buckets; empty for all. */
  readonly buckets: readonly string[];
  readonly keepSource: boolean;
  readonly skipFailed: boolean;
  readonly move: boolean;
  readonly readBack: boolean;
  readonly force: boolean;
}

/** Which part of a migration a run is. */
export interface RunOptions {
  /** Copy only, with services running; change no metadata, delete nothing. */
  readonly online: boolean;
  /** Continue this migration, and no other. */
  readonly id?: number;
  /** This run is the rollback of that migration. */
  readonly rollsBack?: number;
  /** Before the switch: only the documents that failed. */
  readonly retryOnly?: boolean;
  /** The migration is being ended, not gone on with: its stores are not written to. */
  readonly ending?: boolean;
  /** Only delete from the source what that migration has switched. */
  readonly cleanOnly?: boolean;
}
