/** Memory that is held until it is given back. */
export interface Share extends Disposable {
  readonly sizeBytes: number;
}

interface Waiting {
  readonly sizeBytes: number;
  readonly grant: () => void;
}

/**
 * Bytes that several pieces of work may hold together, given in the order of asking: so memory does not grow with their
 * number. More than there is in all is given as all there is.
 */
export class MemoryBudget {
  readonly #totalBytes: number;
  #freeBytes: number;
  readonly #waiting: Waiting[] = [];

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
    this.#freeBytes = totalBytes;
  }

  /** undefined where it is not free now. */
  tryTake(wantedBytes: number): Share | undefined {
    const sizeBytes = Math.min(wantedBytes, this.#totalBytes);
    if (sizeBytes > this.#freeBytes) return undefined;
    this.#freeBytes -= sizeBytes;
    return this.#share(sizeBytes);
  }

  /** Waits for its turn. Throws the signal's reason when that fires. */
  async take(wantedBytes: number, signal: AbortSignal): Promise<Share> {
    signal.throwIfAborted();
    const sizeBytes = Math.min(wantedBytes, this.#totalBytes);
    await new Promise<void>((resolve, reject) => {
      const give = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const waiting: Waiting = { sizeBytes, grant: give };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason as Error);
        // Whoever stood behind may fit now.
        this.#grantNext();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(waiting);
      this.#grantNext();
    });
    return this.#share(sizeBytes);
  }

  #share(sizeBytes: number): Share {
    let held = true;
    return {
      sizeBytes,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#freeBytes += sizeBytes;
        this.#grantNext();
      },
    };
  }

  #grantNext(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && next.sizeBytes <= this.#freeBytes;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#freeBytes -= next.sizeBytes;
      next.grant();
    }
  }
}
