/** Lets one piece of work after the other at a key; keys do not wait for each other. */
export class KeyMutex {
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves once it is this caller's turn. Dispose of the result to let the next one in. */
  async acquire(key: string): Promise<Disposable> {
    const before = this.#last.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(key, promise);
    await before;
    return {
      [Symbol.dispose]: () => {
        if (this.#last.get(key) === promise) this.#last.delete(key);
        resolve();
      },
    };
  }
}
