import { spawn } from 'node:child_process';
import { MANAGER } from '../support/manager.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * Runs the real command on a terminal of its own (util-linux's `script`), on which `typed` is typed; '' is an end of input.
 * Returns all that the terminal shows.
 */
export const runTyping = async (
  typed: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly shown: string }> => {
  const child = spawn('script', ['-qec', [MANAGER, ...args].map(quoted).join(' '), '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, SHELL: '/bin/sh' },
  });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  child.stdin.end(typed);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, shown }));
  });
};
