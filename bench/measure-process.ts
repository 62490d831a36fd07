import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';

export interface ProcessCost {
  /** From its start to its end. */
  readonly wallSeconds: number;
  /** User and system, of the process and of those that it waited for. */
  readonly cpuSeconds: number;
  /** The most that was resident at once. */
  readonly peakMemoryBytes: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/**
 * A shell in between waits for the process and says what the kernel counted, which Node cannot ask of a child. The
 * process itself gets neither its descriptor 3 nor anything else.
 */
const WRAPPER = `
sh -c 'echo $$ >&3; exec "$@" 3>&-' run "$@"
code=$?
times >&3
exit $code
`;

const MEMORY_INTERVAL_MS = 20;

/** `1m2.345s` as `times` writes it. */
const parseTime = (text: string): number => {
  const [, minutes = '0', seconds = '0'] = /^(\d+)m([\d.]+)s$/.exec(text) ?? [];
  return Number(minutes) * 60 + Number(seconds);
};

const findPeakMemory = async (pid: string): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
};

/**
 * Runs a command to its end. The peak is the kernel's own high-water mark, read every 20 ms, so that only growth in the
 * very last of them is missed. Throws where the exit code is not 0.
 */
export const measureProcess = async (
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessCost> => {
  const started = performance.now();
  const child = spawn('/bin/sh', ['-c', WRAPPER, 'measure', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    detached: true,
  });
  const stop = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  };
  options.signal?.addEventListener('abort', stop, { once: true });
  let [stdout, stderr, told, peakMemoryBytes] = ['', '', '', 0];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const usage = child.stdio[3] as Readable;
  usage.setEncoding('utf8').on('data', (text: string) => (told += text));
  const timer = setInterval(() => {
    const pid = /^(\d+)\n/.exec(told)?.[1];
    if (pid === undefined) return;
    void findPeakMemory(pid).then((bytes) => (peakMemoryBytes = Math.max(peakMemoryBytes, bytes)));
  }, MEMORY_INTERVAL_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    const wallSeconds = (performance.now() - started) / 1000;
    options.signal?.throwIfAborted();
    if (code !== 0)
      throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stderr.slice(-4000)}${stdout}`);
    const [user = '', system = ''] = told.trim().split('\n').at(-1)?.split(' ') ?? [];
    return { wallSeconds, cpuSeconds: parseTime(user) + parseTime(system), peakMemoryBytes, stdout, stderr };
  } finally {
    clearInterval(timer);
    options.signal?.removeEventListener('abort', stop);
  }
};
