import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY } from './source-files.ts';

export const MANAGER = join(REPOSITORY, 'bin/anchore-manager');

export interface Finished {
  /** null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command to its end, without a terminal. The environment is the test's own with `environment` over it. */
export const runManager = async (
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> => {
  const child = spawn(MANAGER, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
};
