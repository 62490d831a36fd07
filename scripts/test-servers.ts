/**
 * Runs the suites under `test/servers/` on real servers: starts what this machine can have and does not run yet, and ends
 * it again. A file `NAME.test.ts` or `NAME-*.test.ts` belongs to the server NAME. Fails where a server could not be
 * started, or is missing although `servers/install.sh` can install it here, or where one that runs has no suite; says
 * which are left out because this machine does not have their programs.
 *
 *   npm run test:servers [-- NAME...]
 */
import { spawn } from 'node:child_process';
import { glob } from 'node:fs/promises';
import { basename } from 'node:path';
import { startServers, stopServers } from './servers/control.ts';
import { findStarted } from './servers/running.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const belongsTo = (file: string, server: string): boolean =>
  basename(file) === `${server}.test.ts` || basename(file).startsWith(`${server}-`);

/** The PostgreSQL that was started serves all files. */
const findDatabase = async (): Promise<Readonly<Record<string, string>>> => {
  const postgres = (await findStarted()).find(({ state, whole }) => whole && state.name === 'postgres');
  const { url, binaries } = postgres?.state.credentials ?? {};
  return {
    ...(url !== undefined && { TEST_POSTGRES_URL: url }),
    ...(binaries !== undefined && { TEST_POSTGRES_BINARIES: binaries }),
  };
};

const runTests = async (files: readonly string[], stopping: AbortSignal): Promise<number> => {
  const env = { ...process.env, ...(await findDatabase()) };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['scripts/test.ts', ...files], { stdio: 'inherit', env });
    // A terminal's Ctrl-C reaches the tests too; this is for a signal to this process alone.
    stopping.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    child.once('error', reject).once('exit', (code) => resolve(code ?? 1));
  });
};

const main = async (names: readonly string[]): Promise<number> => {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort());
  const { started, running, unavailable, missing, failed } = await startServers(names, say);
  try {
    if (failed.length > 0 || missing.length > 0) return 1;
    const all = (await Array.fromAsync(glob('test/servers/**/*.test.ts'))).toSorted();
    const without = running.filter((server) => !all.some((file) => belongsTo(file, server)));
    if (without.length > 0) {
      say(`no suite in test/servers is named after ${without.join(', ')}`);
      return 1;
    }
    const files = all.filter((file) => running.some((server) => belongsTo(file, server)));
    if (files.length === 0 || stopping.signal.aborted) {
      say('no test ran');
      return 1;
    }
    const code = await runTests(files, stopping.signal);
    say(`servers: ${running.join(', ')}${unavailable.length === 0 ? '' : `; left out: ${unavailable.join(', ')}`}`);
    return code;
  } finally {
    if (started.length > 0) await stopServers(started, say);
  }
};

process.exitCode = await main(process.argv.slice(2));
