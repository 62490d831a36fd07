import type { RunProgress } from '../../migration/run-store.ts';
import type { RunView } from './run-state.ts';

/** How fast a run is just now. */
export interface Rate {
  readonly documentsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Until what its phase does is done; undefined where nobody can know. */
  readonly secondsLeft: number | undefined;
}

interface Point {
  readonly seconds: number;
  readonly documents: number;
  readonly bytes: number;
}

/** The rate is that of the last so many seconds in which the run was not paused. */
const WINDOW_SECONDS = 30;
/** Below this, a rate says nothing yet. */
const LEAST_SECONDS = 1;

/** What a phase counts up, and up to where. */
const countsOf = (progress: RunProgress): { documents: number; bytes: number; left: number; leftBytes: number } =>
  progress.phase === 'cleaning'
    ? {
        documents: progress.cleaned,
        bytes: 0,
        left: Math.max(0, progress.toClean - progress.cleaned),
        leftBytes: 0,
      }
    : {
        documents: progress.documents + progress.failures,
        bytes: progress.bytes,
        left: Math.max(0, progress.planned - progress.documents - progress.failures),
        leftBytes: Math.max(0, progress.plannedBytes - progress.bytes),
      };

/** Watches how fast a run goes. Not told of for a while, it keeps the last rate. */
export class RateMeter {
  #phase: string | undefined;
  #points: Point[] = [];

  /** Takes the view in, and says how fast the run is. */
  measure(view: RunView): Rate {
    const { progress } = view;
    const { documents, bytes, left, leftBytes } = countsOf(progress);
    if (this.#phase !== progress.phase) {
      this.#phase = progress.phase;
      this.#points = [];
    }
    const seconds = view.elapsedSeconds - progress.pausedSeconds;
    if (seconds > (this.#points.at(-1)?.seconds ?? -1)) this.#points.push({ seconds, documents, bytes });
    // One point before the window stays, so that the rate spans all of it.
    while ((this.#points[1]?.seconds ?? seconds) < seconds - WINDOW_SECONDS) this.#points.shift();
    const first = this.#points[0];
    const span = seconds - (first?.seconds ?? seconds);
    if (first === undefined || span < LEAST_SECONDS)
      return { documentsPerSecond: 0, bytesPerSecond: 0, secondsLeft: undefined };
    const documentsPerSecond = (documents - first.documents) / span;
    const bytesPerSecond = (bytes - first.bytes) / span;
    const isCounted = progress.phase === 'copying' || progress.phase === 'moving' || progress.phase === 'cleaning';
    return {
      documentsPerSecond,
      bytesPerSecond,
      secondsLeft: isCounted ? longest(left / documentsPerSecond, leftBytes / bytesPerSecond) : undefined,
    };
  }
}

/** Documents differ in size: whichever takes longer, number or bytes, decides. */
const longest = (one: number, other: number): number | undefined => {
  const seconds = Math.max(one, Number.isNaN(other) ? 0 : other);
  return Number.isFinite(seconds) ? seconds : undefined;
};
