/** How many attempts may fail in one window. */
const MAX_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Names come from outside: so many are remembered, the oldest are forgotten first. */
const MAX_ENTRIES = 10_000;

interface Entry {
  failures: number;
  readonly since: number;
}

/** Counts attempts that failed, by whatever tells who tried. */
export class AttemptLimit {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** How long to wait before the next attempt; 0 where it may be made now. In milliseconds. */
  waitMs(who: string): number {
    const entry = this.#entries.get(who);
    if (entry === undefined || entry.failures < MAX_FAILURES) return 0;
    const left = entry.since + WINDOW_MS - this.#now();
    if (left > 0) return left;
    this.#entries.delete(who);
    return 0;
  }

  failed(who: string): void {
    const entry = this.#entries.get(who);
    if (entry !== undefined && this.#now() - entry.since < WINDOW_MS) {
      entry.failures += 1;
      return;
    }
    this.#entries.delete(who);
    this.#entries.set(who, { failures: 1, since: this.#now() });
    if (this.#entries.size > MAX_ENTRIES) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
  }
}
