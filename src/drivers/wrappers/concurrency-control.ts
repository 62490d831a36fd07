/** Bounds and beginning of a limit that finds itself. */
export interface ControlOptions {
  readonly start: number;
  readonly max: number;
  /** In milliseconds, for tests. */
  readonly now?: () => number;
}

/** A round is at least so long, so that a throughput can be told from chance; in milliseconds. */
const ROUND_MS = 400;
/** And has at least so many answers for each request that may be under way. */
const ANSWERS_PER_PLACE = 3;
/** What two rounds must differ by to count as different. */
const NOTICEABLE = 0.05;
/** After so many rounds in which another limit did no better it is tried again: stores change. */
const ROUNDS_AT_REST = 8;

/**
 * Finds how many requests at once give the most answers a second. Round by round it tries some more, keeps them if there are
 * noticeably more answers, else goes back; then it tries some fewer, and keeps to these if there are as many answers: a
 * queue at the store helps nobody. Asked for fewer by the store it halves the limit at once. Rounds in which the limit was
 * not reached say nothing.
 */
export class ConcurrencyControl {
  readonly #max: number;
  readonly #now: () => number;
  #limit: number;
  /** The limit that has proved itself, and its answers a second; undefined: not measured. */
  #settled: number;
  #best: number | undefined;
  #next: 'up' | 'down' = 'up';
  #resting = 0;
  #roundMs: number;
  #answers = 0;
  #reached = false;
  /** Counts decreases: requests that began before the last one say nothing about the limit of now. */
  #epoch = 0;

  constructor({ start, max, now = () => performance.now() }: ControlOptions) {
    this.#max = Math.max(1, max);
    this.#now = now;
    this.#limit = Math.min(this.#max, Math.max(1, start));
    this.#settled = this.#limit;
    this.#roundMs = now();
  }

  get limit(): number {
    return this.#limit;
  }

  /** To be given back with the answer to a request that begins now; `waiting`: others have to wait for a place. */
  begin(waiting: boolean): number {
    this.#reached ||= waiting;
    return this.#epoch;
  }

  answered(): void {
    this.#answers += 1;
    if (this.#answers < this.#limit * ANSWERS_PER_PLACE) return;
    const elapsedMs = this.#now() - this.#roundMs;
    if (elapsedMs < ROUND_MS) return;
    const rate = this.#answers / elapsedMs;
    const reached = this.#reached;
    this.#startRound();
    if (reached) this.#judge(rate);
  }

  throttled(epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#epoch += 1;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#settle(undefined);
    this.#resting = ROUNDS_AT_REST;
    this.#startRound();
  }

  #judge(rate: number): void {
    if (this.#limit === this.#settled) {
      this.#best = rate;
      if (this.#resting > 0) this.#resting -= 1;
      else this.#try();
      return;
    }
    const best = this.#best ?? 0;
    const grew = this.#limit > this.#settled;
    if (grew ? rate > best * (1 + NOTICEABLE) : rate > best * (1 - NOTICEABLE / 2)) {
      this.#settle(Math.max(rate, best)); // going down, small losses must not add up
      this.#try(); // further in the same direction
      return;
    }
    this.#limit = this.#settled;
    if (this.#next === 'up') {
      this.#next = 'down';
    } else {
      this.#next = 'up';
      this.#resting = ROUNDS_AT_REST;
    }
  }

  #settle(rate: number | undefined): void {
    this.#settled = this.#limit;
    this.#best = rate;
  }

  /** Another limit for the next round: one more or fewer, a quarter where there are many. */
  #try(): void {
    const step = Math.max(1, Math.round(this.#settled / 4));
    this.#limit = this.#next === 'up' ? Math.min(this.#max, this.#settled + step) : Math.max(1, this.#settled - step);
    if (this.#limit !== this.#settled) return;
    // At the end of what is allowed: the other direction comes next.
    this.#next = this.#next === 'up' ? 'down' : 'up';
    this.#resting = ROUNDS_AT_REST;
  }

  #startRound(): void {
    this.#roundMs = this.#now();
    this.#answers = 0;
    this.#reached = false;
  }
}
