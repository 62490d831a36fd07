/** What the operator reads and sees, in the order of the guide: prose, and commands with what they print. */
export class Transcript {
  readonly #parts: string[] = [];
  readonly #watch: (text: string) => void;

  /** `watch` is told of each part as it comes. */
  constructor(watch: (text: string) => void) {
    this.#watch = watch;
  }

  prose(text: string): void {
    this.#add(text);
  }

  /** Each command with its output, in one block. */
  block(...entries: readonly { readonly line: string; readonly output?: string }[]): void {
    const lines = entries.map(({ line, output = '' }) => `$ ${line}\n${output}`.trimEnd());
    this.#add(`\`\`\`\n${lines.join('\n')}\n\`\`\``);
  }

  #add(part: string): void {
    this.#parts.push(part);
    this.#watch(`${part}\n\n`);
  }

  get markdown(): string {
    return this.#parts.join('\n\n');
  }
}
