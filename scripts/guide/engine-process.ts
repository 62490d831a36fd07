import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Shell } from './shell.ts';

/** The service, as a service manager runs it. */
export class EngineProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #log: { text: string };

  private constructor(child: ChildProcess, ended: Promise<number | null>, log: { text: string }) {
    this.#child = child;
    this.#ended = ended;
    this.#log = log;
  }

  /** Returns at once: `anchore-cli system wait` tells when it can be used. */
  static start(shell: Shell, line: string): EngineProcess {
    const [program = '', ...args] = line.split(' ');
    const child = spawn(program, args, {
      cwd: shell.folder,
      env: shell.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = { text: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (log.text += part));
    child.once('error', (error) => (log.text += String(error)));
    const ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
    return new EngineProcess(child, ended, log);
  }

  /** What it has said so far. */
  get log(): string {
    return this.#log.text;
  }

  /** Asks it to stop, and waits until it has. Throws where it does not end in good order. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const code = await this.#ended;
    if (code !== 0) throw new Error(`anchore-engine ended with exit code ${code}:\n${this.log}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
