import { isAppError, messageOf } from '../../core/errors.ts';
import { redact } from '../../core/secrets.ts';
import type { Database } from '../../database/database.ts';
import { Limits } from '../../drivers/wrappers/limits.ts';
import type { Control, ControlChange } from '../../migration/control-store.ts';
import type { MigrationResult } from '../../migration/finish.ts';
import { PauseGate } from '../../migration/gate.ts';
import type { Environment } from '../../migration/requests.ts';
import type { ProgressEvent } from '../../migration/run.ts';
import type { RunEnd } from '../../migration/run-store.ts';
import type { CommandContext } from '../context.ts';
import { exitCodeOf, exitCodeOfOutcome } from '../exit-code.ts';
import type { WatchedStore } from '../open-side.ts';
import { operationEnvironment } from '../operations.ts';
import { pasteFor } from '../pasted-command.ts';
import { PLACES } from '../places.ts';
import { soFar } from './describe-run.ts';
import { chooseRenderers, Show } from './renderers.ts';
import type { RunOptions } from './run-options.ts';
import { RunJournal } from './run-journal.ts';
import { RunState, type RunView } from './run-state.ts';
import { StoreActivity, type StoreRole } from './store-activity.ts';

/** How many failed documents are named as they come; the journal has all. */
const NAMED_FAILURES = 100;

/**
 * What happens around a command that works on a migration: it is summed up, shown and journalled, and other processes may
 * pause it and set its limits. Nothing of that can make the command fail.
 */
export class RunObserver {
  readonly activity = new StoreActivity();
  readonly limits = new Limits();
  readonly #gate = new PauseGate();
  readonly #context: CommandContext;
  readonly #command: string;
  readonly #asked: ControlChange;
  readonly #memoryBytes: number | undefined;
  readonly #reportFile: string | undefined;
  #state: RunState;
  #show: Show | undefined;
  #lastLine: string | undefined;
  readonly #journals: RunJournal[] = [];

  constructor(
    context: CommandContext,
    command: string,
    options: Pick<RunOptions, 'limits' | 'memoryBytes' | 'reportFile'>,
  ) {
    this.#context = context;
    this.#command = command;
    this.#asked = options.limits;
    this.#memoryBytes = options.memoryBytes;
    // What the command line says holds from the first request on, whatever the journal says later.
    const { bandwidthBytesPerSecond, requestsPerSecond, concurrency } = options.limits;
    this.limits.set({
      bandwidthBytesPerSecond: bandwidthBytesPerSecond ?? undefined,
      requestsPerSecond: requestsPerSecond ?? undefined,
      concurrency: concurrency ?? undefined,
    });
    this.#reportFile = options.reportFile;
    this.#state = this.#newState();
  }

  /** How a side of the migration is opened, so that its requests are counted. */
  side(role: StoreRole, options: { readonly prepare: boolean }): { prepare: boolean; watched: WatchedStore } {
    return { ...options, watched: { role, activity: this.activity, limits: this.limits } };
  }

  /** The run as it is; undefined until it has a migration. */
  get view(): RunView | undefined {
    return this.#state.view;
  }

  /** Does the work of the command, observed; resolves when its end has been journalled. */
  async run(db: Database, work: (env: Environment) => Promise<MigrationResult>): Promise<MigrationResult> {
    const env = operationEnvironment(this.#context, db);
    try {
      const result = await work({
        ...env,
        settings: { ...env.settings, ...(this.#memoryBytes !== undefined && { memoryBytes: this.#memoryBytes }) },
        gate: this.#gate,
        progress: (event) => this.#happened(env, event),
      });
      await this.#end({
        outcome: result.outcome,
        exitCode: exitCodeOfOutcome(result.outcome),
        errorText: undefined,
      });
      await this.#report(env);
      return result;
    } catch (error) {
      await this.#end({
        outcome: isAppError(error) ? error.code : 'internal',
        exitCode: exitCodeOf(error, this.#context.signal),
        errorText: redact(messageOf(error)),
      });
      if (this.#lastLine !== undefined) env.log.info(`It got so far: ${this.#lastLine}`);
      await this.#report(env);
      throw error;
    }
  }

  #newState(): RunState {
    return new RunState(this.#command, this.activity, this.#gate, () => performance.now());
  }

  #happened(env: Environment, event: ProgressEvent): void {
    if (event.type === 'started') this.#begin(env);
    this.#state.apply(event);
    if (event.type === 'started') this.#follow(env, { id: event.record.id, epoch: event.epoch });
    else this.#show?.happened(event);
    if (event.type === 'failed') this.#sayFailed(env, event);
  }

  /** A rollback may first end one run, then begin another: of another migration. */
  #begin(env: Environment): void {
    if (this.#state.identity === undefined) return;
    env.log.debug(`Going on with another run than that of migration ${this.#state.identity.migrationId}`);
    this.#state.ended({ outcome: 'complete', exitCode: 0, errorText: undefined });
    this.#show?.ended();
    void this.#journals.at(-1)?.end({ outcome: 'complete', exitCode: 0, errorText: undefined });
    this.#state = this.#newState();
  }

  #follow(env: Environment, fence: { readonly id: number; readonly epoch: number }): void {
    const state = this.#state;
    const look = (): RunView => {
      const { view } = state;
      if (view === undefined) throw new Error('a run was shown before it began');
      return view;
    };
    this.#show = new Show(chooseRenderers(this.#context, env.log), look);
    this.#journals.push(
      new RunJournal(fence, {
        db: env.db,
        log: env.log,
        run: { command: this.#command, executor: env.executorId, toolVersion: env.toolVersion },
        asked: this.#asked,
        progress: () => state.progress,
        onControl: (control) => this.#control(control),
      }),
    );
  }

  #control(control: Control): void {
    const log = this.#context.log.at(PLACES.migration);
    const by = control.setBy === undefined ? '' : `, asked by ${control.setBy}`;
    const wasHeld = this.#state.progress.hold !== 'none';
    const { bandwidthBytesPerSecond, requestsPerSecond, concurrency } = control;
    this.limits.set({ bandwidthBytesPerSecond, requestsPerSecond, concurrency });
    if (control.paused) this.#gate.close();
    else this.#gate.open();
    this.#state.controlled(control.revision, this.limits.values);
    if (control.paused !== wasHeld) {
      this.#state.held(control.paused);
      log.info(control.paused ? `Pausing${by}: what is under way is finished first` : `Going on${by}`);
    }
    this.#show?.controlled(control);
  }

  #sayFailed({ db, log }: Environment, failure: Extract<ProgressEvent, { type: 'failed' }>): void {
    const { failures } = this.#state.progress;
    const id = this.view?.identity.migrationId ?? 0;
    if (failures <= NAMED_FAILURES) log.error(`Failed: ${failure.document}: ${failure.code}: ${failure.text}`);
    if (failures === NAMED_FAILURES)
      log.error(
        `Further failures are only counted; what lists all: ${pasteFor(this.#context, db)('show-migration', id, '--failed')}`,
      );
  }

  async #end(end: RunEnd): Promise<void> {
    const { view } = this.#state;
    if (view !== undefined) this.#lastLine = soFar(view);
    this.#state.ended(end);
    this.#show?.ended();
    this.#gate.open();
    for (const journal of this.#journals) await journal.end(end);
  }
  /** `--report`, however the run ended. */
  async #report({ db, log, toolVersion }: Environment): Promise<void> {
    const file = this.#reportFile;
    const id = this.view?.identity.migrationId;
    if (file === undefined) return;
    if (id === undefined) {
      log.warn('--report: no migration had begun, so there is none to report');
      return;
    }
    const paste = pasteFor(this.#context, db);
    try {
      const [{ getReport }, { writeReport }] = await Promise.all([
        import('../report/migration-report.ts'),
        import('../report/write-report.ts'),
      ]);
      await writeReport(file, await getReport(db, id, { toolVersion, now: new Date(), paste }));
      log.info(`The report is in ${file}`);
    } catch (error) {
      log.error(`--report: ${messageOf(error)}; what writes it later: ${paste('report', id, '--output', file)}`);
    }
  }
}
