import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface ShellOptions {
  /** The operator's folder: where commands run. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Longer than any command of the guide takes, even on a busy machine. */
const LIMIT_MS = 120_000;

/** Runs command lines as an operator types them. */
export class Shell {
  readonly #options: ShellOptions;

  constructor(options: ShellOptions) {
    this.#options = options;
  }

  get folder(): string {
    return this.#options.folder;
  }

  get environment(): Readonly<Record<string, string>> {
    return this.#options.environment;
  }

  /** What it prints, both streams in their order. Throws where the exit code is another than 0. */
  run(line: string): Promise<string> {
    return this.#run(line, ['/bin/sh', '-c', `exec 2>&1\n${line}`]);
  }

  /** The same at a terminal (util-linux's `script`), at which the question is answered; the answer shows behind it. */
  async runAnswering(line: string, answer: string): Promise<string> {
    const shown = join(this.folder, '.shown');
    const typed = `${answer}\n`;
    await this.#run(line, ['script', '-qec', `/bin/sh -c ${quoted(`exec >.shown 2>&1\n${line}`)}`, '/dev/null'], {
      typed,
      shown,
    });
    const text = await readFile(shown, 'utf8');
    await rm(shown);
    return text.replace(/\(y\/N\) ?/, (question) => question + typed);
  }

  async #run(
    line: string,
    [program = '', ...args]: readonly string[],
    { typed = '', shown }: { readonly typed?: string; readonly shown?: string } = {},
  ): Promise<string> {
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { ...this.environment, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.stdin.on('error', () => undefined);
    child.stdin.end(typed);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code === 0) return text;
    const said = shown === undefined ? text : await readFile(shown, 'utf8').catch(() => text);
    throw new Error(`$ ${line}\nended with exit code ${code}:\n${said}`);
  }
}
