import type { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';

/** Where a person looks: standard error, or a file in its place. */
export type ScreenStream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** How wide a terminal is. One whose size nobody has told (a serial line, a container just begun) says 0. */
export const columnsOf = ({ columns = 0 }: ScreenStream): number => (columns > 0 ? columns : 80);

/** Text that comes while a frame stands is written together, at most so often. */
const GATHER_MS = 50;

const ESCAPE = '\u001B[';

/**
 * A stream with a frame of lines at its end, which is drawn anew in its place; whatever else is written goes above it.
 * Without a frame it is the stream itself. Nothing is hidden and no mode is set, so that a kill leaves a usable terminal.
 */
export class Screen {
  readonly #stream: ScreenStream;
  #draw: ((columns: number) => readonly string[]) | undefined;
  /** As it stands on the terminal. */
  #shown: readonly string[] = [];
  #gathered = '';
  #timer: NodeJS.Timeout | undefined;
  readonly #onResize = (): void => this.refresh();

  constructor(stream: ScreenStream) {
    this.#stream = stream;
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** How wide it is; undefined where it is no terminal, whose lines stay whole. */
  get columns(): number | undefined {
    return this.isTerminal ? this.#columns : undefined;
  }

  /** Writes whole lines above the frame. */
  print(text: string): void {
    if (this.#draw === undefined) {
      this.#stream.write(text);
      return;
    }
    this.#gathered += text;
    this.#timer ??= setTimeout(() => this.refresh(), GATHER_MS).unref();
  }

  /** Has somebody else write to the same terminal, above the frame. */
  aside(write: () => void): void {
    if (this.#draw === undefined) {
      write();
      return;
    }
    this.#noticeSize();
    this.#stream.write(this.#erased() + this.#takeGathered());
    write();
    this.#shown = [];
    this.refresh();
  }

  /** Shows a frame from now on; `draw` gives its lines for a width in columns. */
  show(draw: (columns: number) => readonly string[]): void {
    if (this.#draw === undefined) this.#stream.on('resize', this.#onResize);
    this.#draw = draw;
    this.refresh();
  }

  /** Draws the frame anew, and writes what has been gathered. */
  refresh(): void {
    if (this.#draw === undefined) return;
    this.#noticeSize();
    const gathered = this.#takeGathered();
    const rows = this.#stream.rows ?? 24;
    const lines = this.#draw(this.#columns).slice(0, Math.max(1, rows - 1));
    this.#stream.write(`${this.#erased()}${gathered}${lines.map((line) => `${line}\n`).join('')}`);
    this.#shown = lines;
  }

  /** Takes the frame away; what was gathered stays. */
  clear(): void {
    if (this.#draw === undefined) return;
    this.#noticeSize();
    this.#stream.off('resize', this.#onResize);
    this.#draw = undefined;
    this.#stream.write(this.#erased() + this.#takeGathered());
    this.#shown = [];
  }

  /**
   * Asks for the size of the terminal before the news of it may have come: a frame that a narrower terminal has wrapped is only
   * erased whole where the size is known. A terminal of Node looks by itself when it is told to; other streams have none.
   */
  #noticeSize(): void {
    const stream: { readonly _refreshSize?: () => void } = this.#stream as object;
    this.#stream.off('resize', this.#onResize);
    stream._refreshSize?.();
    this.#stream.on('resize', this.#onResize);
  }

  get #columns(): number {
    return columnsOf(this.#stream);
  }

  #takeGathered(): string {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#gathered;
    this.#gathered = '';
    return text === '' || text.endsWith('\n') ? text : `${text}\n`;
  }

  /** Goes to the first line of the frame and erases from there. Lines that a narrower terminal has wrapped count as several. */
  #erased(): string {
    const columns = this.#columns;
    const rows = this.#shown.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns)),
      0,
    );
    return `\r${rows > 0 ? `${ESCAPE}${rows}A` : ''}${ESCAPE}J`;
  }
}
