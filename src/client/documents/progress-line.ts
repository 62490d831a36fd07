import type { Writable } from 'node:stream';
import { readableBytes } from '../../core/readable-bytes.ts';

/** How often the line is drawn: on a terminal in its place, elsewhere as a line of its own. In milliseconds. */
const TERMINAL_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 10_000;
/** Back to the line's start, and clear it. */
const CLEAR = '\r\u001b[K';

/** Says how far something with many documents is. */
export class ProgressLine implements Disposable {
  readonly #output: Writable & { readonly isTTY?: boolean };
  readonly #total: number;
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #documents = 0;
  #failed = 0;
  #bytes = 0;

  constructor(output: Writable & { readonly isTTY?: boolean }, total: number) {
    this.#output = output;
    this.#total = total;
    const isTerminal = output.isTTY === true;
    if (total > 1)
      this.#timer = setInterval(
        () => void output.write(isTerminal ? CLEAR + this.#text() : `${this.#text()}\n`),
        isTerminal ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS,
      );
  }

  done(): void {
    this.#documents += 1;
  }

  failed(): void {
    this.#failed += 1;
  }

  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  get totals(): { readonly documents: number; readonly failed: number; readonly bytes: number } {
    return { documents: this.#documents, failed: this.#failed, bytes: this.#bytes };
  }

  /** Leaves the place of the line for another text. */
  clear(): void {
    if (this.#timer !== undefined && this.#output.isTTY === true) this.#output.write(CLEAR);
  }

  #text(): string {
    const seconds = Math.max(0.001, (performance.now() - this.#startedMs) / 1000);
    const failed = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
    return `${this.#documents} of ${this.#total} documents${failed}, ${readableBytes(this.#bytes)}, ${(this.#documents / seconds).toFixed(0)} documents/s`;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.clear();
  }
}
