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

  /**
   * Counts an attempt as one that has failed, before its outcome is known: of many at once no more pass than one after the
   * other would. Call what is returned where it has not failed.
   */
  count(who: string): () => void {
    const entry = this.#entryOf(who);
    entry.failures += 1;
    let counted = true;
    return () => {
      if (counted) entry.failures -= 1;
      counted = false;
    };
  }

  #entryOf(who: string): Entry {
    const known = this.#entries.get(who);
    if (known !== undefined && this.#now() - known.since < WINDOW_MS) return known;
    const entry = { failures: 0, since: this.#now() };
    this.#entries.delete(who);
    this.#entries.set(who, entry);
    if (this.#entries.size > MAX_ENTRIES) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    return entry;
  }
}
