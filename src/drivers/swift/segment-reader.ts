import { AppError } from '../../core/errors.ts';

/** Cuts one stream into pieces of given sizes, each of which is read before the next one is begun. */
export class SegmentReader implements AsyncDisposable {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]();
  }

  /** The next `sizeBytes`, or fewer where the stream ends. `see` is called with each chunk before it is given. */
  async *take(sizeBytes: number, see: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
    let missing = sizeBytes;
    while (missing > 0 && (await this.#fill())) {
      const chunk = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(chunk.length);
      missing -= chunk.length;
      see(chunk);
      yield chunk;
    }
  }

  /** Throws `store.corrupt` where something is left; the stream's own error where it ends in one. */
  async expectEnd(): Promise<void> {
    if (await this.#fill()) throw new AppError('store.corrupt', 'the payload is longer than announced');
  }

  /** Makes sure that something is there to be taken; false at the end. */
  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#iterator.next();
      if (next.done === true) return false;
      this.#rest = next.value;
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#iterator.return?.();
  }
}
