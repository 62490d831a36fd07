/** What an operator allows a run to ask of its stores; undefined: as much as they take. */
export interface LimitValues {
  /** Requests under way at once at each store; a whole number from 1. */
  readonly concurrency?: number | undefined;
  /** Payload bytes a second that may be read, and as many that may be written, at each store. */
  readonly bandwidthBytesPerSecond?: number | undefined;
  /** Requests a second at each store. */
  readonly requestsPerSecond?: number | undefined;
}

/**
 * The limits of one run, shared by the wrappers of both its stores. `set` changes them while the run goes on: whoever
 * waits because of a limit is asked again at once.
 */
export class Limits {
  #values: LimitValues;
  readonly #listeners = new Set<() => void>();

  constructor(values: LimitValues = {}) {
    this.#values = values;
  }

  get values(): LimitValues {
    return this.#values;
  }

  /** Changes the limits that are named; undefined lifts one. Nothing happens where all are as they were. */
  set(change: LimitValues): void {
    const names = ['concurrency', 'bandwidthBytesPerSecond', 'requestsPerSecond'] as const;
    if (names.every((name) => !(name in change) || change[name] === this.#values[name])) return;
    this.#values = { ...this.#values, ...change };
    for (const listener of this.#listeners) listener();
  }

  /** Has somebody told of every change, until the result is disposed of. */
  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
