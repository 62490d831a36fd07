import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FaultPoint } from '../../src/migration/fault-points.ts';

/** When a process is to be killed. `delay`: from outside, so long after its work has begun (or after its start). */
export type Kill =
  | { readonly kind: 'point'; readonly point: FaultPoint; readonly hit: number }
  | { readonly kind: 'delay'; readonly since: 'start' | 'work'; readonly delayMs: number };

export interface ProcessEnd {
  readonly killed: boolean;
  readonly exit: number | null;
  readonly errors: string;
  /** How long its work took, in milliseconds; undefined where it had not begun. */
  readonly workMs: number | undefined;
}

/** Small steps, so that sixty documents pass through every phase several times. */
const SETTINGS = {
  chunkSize: 20,
  batchSize: 7,
  cleanWindow: 15,
  quietPeriodMs: 50,
  switchLockTimeoutMs: 5000,
  standbyTimeoutMs: 2000,
};

const COMMAND = fileURLToPath(new URL('../../bin/anchore-manager', import.meta.url));
const DEADLINE_MS = 90_000;

/** Runs one real command as a process of its own, and kills it as told. Its end is awaited. */
export const runManager = async (
  databaseUrl: string,
  args: readonly string[],
  kill: Kill | undefined,
): Promise<ProcessEnd> => {
  const hooks = { settings: SETTINGS, ...(kill?.kind === 'point' && { kill: { point: kill.point, hit: kill.hit } }) };
  const child = spawn(COMMAND, ['archivestorage', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      TMPDIR: process.env['TMPDIR'],
      ANCHORE_DB_CONNECT: databaseUrl,
      ANCHORE_MANAGER_TEST_HOOKS: JSON.stringify(hooks),
    },
  });
  const ended = once(child, 'close');
  const timers = new AbortController();
  const killLater = (delayMs: number): void => {
    sleep(delayMs, undefined, { signal: timers.signal }).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    );
  };
  killLater(DEADLINE_MS);
  if (kill?.kind === 'delay' && kill.since === 'start') killLater(kill.delayMs);
  let errors = '';
  let began: number | undefined;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = `${errors}${text}`.slice(-20_000);
    if (began !== undefined || !errors.includes('Migration Task Id')) return;
    began = performance.now();
    if (kill?.kind === 'delay' && kill.since === 'work') killLater(kill.delayMs);
  });
  const started = performance.now();
  await ended;
  timers.abort();
  if (performance.now() - started >= DEADLINE_MS) throw new Error(`${args[0] ?? ''} did not end:\n${errors}`);
  return {
    killed: child.signalCode === 'SIGKILL',
    exit: child.exitCode,
    errors,
    workMs: began === undefined ? undefined : performance.now() - began,
  };
};
