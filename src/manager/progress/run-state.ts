import { unreachable } from '../../core/errors.ts';
import type { LimitValues } from '../../drivers/wrappers/limits.ts';
import type { PauseGate } from '../../migration/gate.ts';
import type { ProgressEvent } from '../../migration/run.ts';
import type { RunEnd, RunPhase, RunProgress } from '../../migration/run-store.ts';
import type { StoreActivity } from './store-activity.ts';

/** Which run it is. */
export interface RunIdentity {
  readonly migrationId: number;
  readonly epoch: number;
  readonly command: string;
  readonly kind: 'migrate' | 'rollback';
  /** Names of the drivers. */
  readonly from: string;
  readonly to: string;
  readonly resumed: boolean;
}

/** All that a person may see of a run at one moment, in its own process or from another. */
export interface RunView {
  readonly identity: RunIdentity;
  readonly progress: RunProgress;
  readonly elapsedSeconds: number;
  readonly limits: LimitValues;
  readonly end: RunEnd | undefined;
}

/** Sums up the events of a run: the one place that knows what they mean. `now` in milliseconds. */
export class RunState {
  readonly #command: string;
  readonly #activity: StoreActivity;
  readonly #gate: PauseGate;
  readonly #now: () => number;
  #identity: RunIdentity | undefined;
  #startedMs = 0;
  #phase: RunPhase = 'preparing';
  #planned = 0;
  #plannedBytes = 0;
  #doneBefore: number | undefined;
  #documents = 0;
  #bytes = 0;
  #toClean = 0;
  #cleaned = 0;
  #failures = 0;
  #switched = 0;
  #switchSeconds: number | undefined;
  #pausedMs = 0;
  #pausedSinceMs: number | undefined;
  #controlSeen = 0;
  #limits: LimitValues = {};
  #end: RunEnd | undefined;

  constructor(command: string, activity: StoreActivity, gate: PauseGate, now: () => number) {
    this.#command = command;
    this.#activity = activity;
    this.#gate = gate;
    this.#now = now;
  }

  apply(event: ProgressEvent): void {
    switch (event.type) {
      case 'started': {
        const { id, kind, from, to } = event.record;
        this.#identity = {
          migrationId: id,
          epoch: event.epoch,
          command: this.#command,
          kind,
          from: from.driver,
          to: to.driver,
          resumed: event.resumed,
        };
        this.#startedMs = this.#now();
        return;
      }
      case 'phase':
        this.#phase = event.phase;
        return;
      case 'planned':
        this.#planned = this.#documents + this.#failures + event.documents;
        this.#plannedBytes = this.#bytes + event.bytes;
        this.#doneBefore ??= event.done;
        return;
      case 'copied':
        this.#documents += event.documents;
        this.#bytes += event.bytes;
        return;
      case 'failed':
        this.#failures += 1;
        return;
      case 'switched':
        this.#switched += event.documents;
        this.#switchSeconds = (this.#switchSeconds ?? 0) + event.seconds;
        return;
      case 'to-clean':
        this.#toClean = this.#cleaned + event.documents;
        return;
      case 'cleaned':
        this.#cleaned += event.documents;
        return;
      default:
        return unreachable(event);
    }
  }

  /** A control row has come into force. */
  controlled(revision: number, limits: LimitValues): void {
    this.#controlSeen = revision;
    this.#limits = limits;
  }

  /** The gate has been closed or opened. */
  held(isHeld: boolean): void {
    const nowMs = this.#now();
    if (this.#pausedSinceMs !== undefined) this.#pausedMs += nowMs - this.#pausedSinceMs;
    this.#pausedSinceMs = isHeld ? nowMs : undefined;
  }

  ended(end: RunEnd): void {
    this.held(false);
    this.#end = end;
  }

  /** undefined until the run has a migration. */
  get identity(): RunIdentity | undefined {
    return this.#identity;
  }

  get progress(): RunProgress {
    const nowMs = this.#now();
    return {
      phase: this.#end === undefined ? this.#phase : 'ended',
      hold: this.#end === undefined ? this.#gate.hold : 'none',
      controlSeen: this.#controlSeen,
      planned: this.#planned,
      plannedBytes: this.#plannedBytes,
      doneBefore: this.#doneBefore ?? 0,
      documents: this.#documents,
      bytes: this.#bytes,
      toClean: this.#toClean,
      cleaned: this.#cleaned,
      inFlight: this.#end === undefined ? this.#activity.inFlight : 0,
      retries: this.#activity.retries,
      failures: this.#failures,
      switched: this.#switched,
      switchSeconds: this.#switchSeconds,
      pausedSeconds: (this.#pausedMs + (this.#pausedSinceMs === undefined ? 0 : nowMs - this.#pausedSinceMs)) / 1000,
    };
  }

  /** undefined until the run has a migration. */
  get view(): RunView | undefined {
    if (this.#identity === undefined) return undefined;
    return {
      identity: this.#identity,
      progress: this.progress,
      elapsedSeconds: (this.#now() - this.#startedMs) / 1000,
      limits: this.#limits,
      end: this.#end,
    };
  }
}
