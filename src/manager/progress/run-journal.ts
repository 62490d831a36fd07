import { messageOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Database } from '../../database/database.ts';
import { changeControl, type Control, type ControlChange, findControl } from '../../migration/control-store.ts';
import type { Fence } from '../../migration/migration-store.ts';
import { addSample, insertRun, type RunEnd, type RunProgress, saveRun } from '../../migration/run-store.ts';

/** How often a run looks at what it is asked to do. */
const POLL_MS = 1000;
/** How often it writes how far it is. */
const SAVE_MS = 2000;
/** How often it takes a sample for the rate over time; twice as seldom each time there are too many. */
const SAMPLE_MS = 5000;
/** How long the end waits for the last write. */
const LAST_WRITE_MS = 5000;

export interface RunJournalOptions {
  readonly db: Database;
  readonly log: Log;
  readonly run: { readonly command: string; readonly executor: string; readonly toolVersion: string };
  /** What the command line asked for; the rest stays as an earlier run was asked. */
  readonly asked: ControlChange;
  readonly progress: () => RunProgress;
  readonly onControl: (control: Control) => void;
}

/**
 * Writes into the database how far a run is, and reads there what it is asked to do, as long as it lasts. That must not
 * hold the run up: nobody waits for it but the end, and a failure is only noted.
 */
export class RunJournal {
  readonly #options: RunJournalOptions;
  readonly #fence: Fence;
  readonly #timer: NodeJS.Timeout | undefined;
  #under: Promise<void> = Promise.resolve();
  #isBusy = false;
  #revision = 0;
  #sampleMs = SAMPLE_MS;
  #savedMs = 0;
  #answered = '';
  #sampledMs = 0;
  #sampledPhase: string | undefined;
  #ended = false;

  constructor(fence: Fence, options: RunJournalOptions) {
    this.#fence = fence;
    this.#options = options;
    this.#enqueue(() => this.#begin());
    this.#timer = setInterval(() => this.#tick(), POLL_MS).unref();
  }

  /** Writes how the run ended; resolves when that is written, or cannot be. */
  async end(end: RunEnd): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    const { db, progress } = this.#options;
    this.#enqueue(async () => {
      await addSample(db, this.#fence, progress());
      await saveRun(db, this.#fence, progress(), end);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = setTimeout(resolve, LAST_WRITE_MS);
    await Promise.race([this.#under, promise]);
    clearTimeout(late);
  }

  async #begin(): Promise<void> {
    const { db, run, asked } = this.#options;
    await insertRun(db, this.#fence, run);
    await addSample(db, this.#fence, this.#options.progress());
    const before = await findControl(db, this.#fence.id);
    // A pause ends with the process that was paused: whoever starts another wants it to go on.
    const change: ControlChange = before?.paused === true ? { ...asked, paused: false } : asked;
    const control =
      Object.keys(change).length === 0 ? before : await changeControl(db, this.#fence.id, change, run.executor);
    this.#heed(control);
  }

  #tick(): void {
    if (this.#isBusy) return;
    this.#enqueue(async () => {
      const { db, progress } = this.#options;
      // Nobody else can open an embedded database.
      if (db.kind === 'postgres') this.#heed(await findControl(db, this.#fence.id));
      const nowMs = performance.now();
      const current = progress();
      // Whoever asked for something waits for the answer.
      const answer = `${current.controlSeen} ${current.hold}`;
      if (nowMs - this.#savedMs >= SAVE_MS || answer !== this.#answered) {
        this.#savedMs = nowMs;
        this.#answered = answer;
        await saveRun(db, this.#fence, current);
      }
      if (nowMs - this.#sampledMs >= this.#sampleMs || current.phase !== this.#sampledPhase) {
        this.#sampledMs = nowMs;
        this.#sampledPhase = current.phase;
        if (await addSample(db, this.#fence, current)) this.#sampleMs *= 2;
      }
    });
  }

  #heed(control: Control | undefined): void {
    if (control === undefined || control.revision === this.#revision || this.#ended) return;
    this.#revision = control.revision;
    this.#options.onControl(control);
  }

  #enqueue(work: () => Promise<void>): void {
    this.#under = this.#under.then(async () => {
      this.#isBusy = true;
      try {
        await work();
      } catch (error) {
        this.#options.log.debug(`The progress could not be journalled: ${messageOf(error)}`);
      } finally {
        this.#isBusy = false;
      }
    });
  }
}
