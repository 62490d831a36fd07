/** Lets units of work begin, one by one: a batch, a window of deletes, a switch. */
export interface Gate {
  /** Resolves when the unit may begin; it ends when the result is disposed of. Rejects with the signal's reason. */
  enter(signal: AbortSignal): Promise<Disposable>;
}

const nothing: Disposable = { [Symbol.dispose]: () => undefined };

/** Nobody pauses. */
export const OPEN_GATE: Gate = { enter: () => Promise.resolve(nothing) };

/**
 * A gate that can be closed: units that have begun go on to their end, others wait. So a pause leaves nothing half done, and
 * above all no transaction open.
 */
export class PauseGate implements Gate {
  #closed = false;
  #running = 0;
  #waiting = 0;
  #opened = Promise.withResolvers<void>();

  /** `paused`: somebody waits, and nothing is under way. `pausing`: that is not so yet. */
  get hold(): 'none' | 'pausing' | 'paused' {
    if (!this.#closed) return 'none';
    return this.#running === 0 && this.#waiting > 0 ? 'paused' : 'pausing';
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#opened = Promise.withResolvers<void>();
  }

  open(): void {
    this.#closed = false;
    this.#opened.resolve();
  }

  async enter(signal: AbortSignal): Promise<Disposable> {
    while (this.#closed) await this.#wait(signal);
    signal.throwIfAborted();
    this.#running += 1;
    return { [Symbol.dispose]: () => void (this.#running -= 1) };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting += 1;
    try {
      await Promise.race([this.#opened.promise, promise]);
    } finally {
      this.#waiting -= 1;
      signal.removeEventListener('abort', leave);
    }
  }
}
