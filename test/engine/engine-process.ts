import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { REPOSITORY } from '../support/source-files.ts';

/** The real command, as an operator starts it. */
export class EngineProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #lines: { stdout: string; stderr: string };

  private constructor(child: ChildProcess, lines: { stdout: string; stderr: string }) {
    this.child = child;
    this.#lines = lines;
  }

  /** Resolves when it says where it listens, or rejects with what it said when it ended before. */
  static async start(
    args: readonly string[],
    options: { readonly environment?: Readonly<Record<string, string>>; readonly folder?: string } = {},
  ): Promise<EngineProcess> {
    const child = spawn(join(REPOSITORY, 'bin/anchore-engine'), ['start', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
      ...(options.folder !== undefined && { cwd: options.folder }),
    });
    const lines = { stdout: '', stderr: '' };
    const started = new EngineProcess(child, lines);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      lines.stdout += text;
      if (/^archive {2}/m.test(lines.stdout)) resolve();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (lines.stderr += text));
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${lines.stderr}`)));
    child.once('error', reject);
    await promise;
    return started;
  }

  get stdout(): string {
    return this.#lines.stdout;
  }

  get stderr(): string {
    return this.#lines.stderr;
  }

  /** The base URL of a service, without a path. */
  urlOf(service: 'apiext' | 'catalog'): string {
    const url = new RegExp(`^${service}\\s+(\\S+?)(?:/v1)?$`, 'm').exec(this.stdout)?.[1];
    if (url === undefined) throw new Error(`${service} is not among ${this.stdout}`);
    return url;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }
}
