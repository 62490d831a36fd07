import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY } from '../support/source-files.ts';

export const CLI = join(REPOSITORY, 'bin/anchore-cli');

export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  /** The same as text. */
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs the real command to its end. Nothing of this machine's own settings reaches it. */
export const runCli = async (args: readonly string[], options: CliOptions = {}): Promise<Ended> => {
  const child = spawn(CLI, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...options.environment },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const parts: Buffer[] = [];
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => parts.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const stdout = Buffer.concat(parts);
      resolve({ code, stdout, out: stdout.toString('utf8'), err });
    });
  });
};
