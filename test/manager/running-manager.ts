import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { MANAGER } from '../support/manager.ts';

/** One line of `--json`. */
export type JsonLine = Readonly<Record<string, unknown>>;

/** The real command while it runs, with `--json`. Ends with the scope. */
export interface RunningManager extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly lines: readonly JsonLine[];
  readonly stderr: () => string;
  /** Resolves with its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Resolves with the first line, from `after` on, of which the condition holds. Throws where it ends without. */
  waitFor(what: string, condition: (line: JsonLine) => boolean, after?: number): Promise<JsonLine>;
}

const TIMEOUT_MS = 120_000;

export const startManager = (
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): RunningManager => {
  const child = spawn(MANAGER, ['--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const lines: JsonLine[] = [];
  let stderr = '';
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((line) => JSON.parse(line) as JsonLine));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let isOver = false;
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      isOver = true;
      resolve(code);
    });
  });
  return {
    child,
    lines,
    stderr: () => stderr,
    ended,
    waitFor: async (what, condition, after = 0) => {
      for (const untilMs = performance.now() + TIMEOUT_MS; performance.now() < untilMs; await sleep(50)) {
        const found = lines.slice(after).find(condition);
        if (found !== undefined) return found;
        if (isOver) break;
      }
      throw new Error(
        `${args.join(' ')}: never ${what}\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n${stderr}`,
      );
    },
    [Symbol.asyncDispose]: async () => {
      if (!isOver) child.kill('SIGKILL');
      await ended;
    },
  };
};
