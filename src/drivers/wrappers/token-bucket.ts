/** What may be taken at once after a pause, as a part of what comes in a second. */
const BURST_SECONDS = 0.25;
/** Timers go wrong beyond 24 days. */
const MAX_WAIT_MS = 60_000;

interface Waiting {
  readonly amount: number;
  readonly grant: () => void;
}

/**
 * Gives out so much a second, in the order of asking. Whoever asks for more than there is gets it at once where nobody
 * owes anything, and those who follow wait until it has been made up for: so any amount can be asked for.
 */
export class TokenBucket {
  #perSecond: number | undefined;
  /** Below zero: owed. */
  #tokens: number;
  #seenMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: Waiting[] = [];

  /** undefined: without a limit. */
  constructor(perSecond: number | undefined) {
    this.#perSecond = perSecond;
    this.#tokens = this.#burst;
  }

  get isLimited(): boolean {
    return this.#perSecond !== undefined;
  }

  /** Changes the rate from now on, for those who wait already too. */
  setRate(perSecond: number | undefined): void {
    if (perSecond === this.#perSecond) return;
    this.#refill();
    this.#perSecond = perSecond;
    // A debt made at a higher rate, or at none, would take long to pay at this one.
    this.#tokens = Math.max(-(perSecond ?? 0), Math.min(this.#tokens, this.#burst));
    this.#grantNext();
  }

  /** Waits for its turn. Throws the signal's reason when that fires. */
  async take(amount: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#perSecond === undefined) return;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason as Error);
        this.#grantNext();
      };
      const grant = (): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const waiting: Waiting = { amount, grant };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(waiting);
      this.#grantNext();
    });
  }

  get #burst(): number {
    return (this.#perSecond ?? 0) * BURST_SECONDS;
  }

  #refill(): void {
    const nowMs = performance.now();
    const gained = ((nowMs - this.#seenMs) / 1000) * (this.#perSecond ?? 0);
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#seenMs = nowMs;
  }

  #grantNext(): void {
    clearTimeout(this.#timer);
    this.#refill();
    while (this.#perSecond === undefined || this.#tokens >= 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (this.#perSecond !== undefined) this.#tokens -= next.amount;
      next.grant();
    }
    if (this.#waiting.length === 0) return;
    const untilPaidMs = (-this.#tokens / this.#perSecond) * 1000;
    this.#timer = setTimeout(() => this.#grantNext(), Math.min(MAX_WAIT_MS, Math.max(1, Math.ceil(untilPaidMs))));
  }
}
