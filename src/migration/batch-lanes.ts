import { MemoryBudget } from '../core/memory-budget.ts';

/**
 * Runs batches side by side, in the order of asking: at most so many, that hold at most so many bytes together. While one is
 * written the next is read, across the borders of chunks. Once one has failed no other begins.
 */
export class BatchLanes {
  readonly #lanes: MemoryBudget;
  readonly #memory: MemoryBudget;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;

  constructor(count: number, memoryBytes: number, signal: AbortSignal) {
    this.#lanes = new MemoryBudget(count);
    this.#memory = new MemoryBudget(memoryBytes);
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  /** Runs a batch when its turn comes. Throws the batch's error, or that of the one that failed before it could begin. */
  async run(sizeBytes: number, copy: () => Promise<void>): Promise<void> {
    using _lane = await this.#lanes.take(1, this.#signal);
    using _memory = await this.#memory.take(sizeBytes, this.#signal);
    this.#signal.throwIfAborted();
    try {
      await copy();
    } catch (error) {
      this.stop(error);
      throw error;
    }
  }

  /** No other batch begins; those under way go on to their end. */
  stop(reason: unknown): void {
    this.#stop.abort(reason);
  }
}

/** Waits for all, then throws the first error: nothing goes on behind the back of whoever started it. */
export const settleAll = async (work: readonly Promise<void>[]): Promise<void> => {
  let failure: { readonly error: unknown } | undefined;
  const noted = work.map((each) => each.catch((error: unknown) => (failure ??= { error })));
  await Promise.all(noted);
  if (failure !== undefined) throw failure.error;
};
