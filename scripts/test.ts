/**
 * Runs test files: those named by the arguments (paths or globs), else all that need nothing but npm packages.
 *
 *   npm test [-- 'src/drivers/**' ...]
 *
 * One PostgreSQL serves all files: that of TEST_POSTGRES_URL, else one that is started for them. Fails if a test fails, is skipped or is a "todo", or if a file or an argument ran
 * no test: a suite must not pass by doing nothing.
 */
import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { run } from 'node:test';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { SHARED_SERVER_SETTINGS } from '../test/support/postgres.ts';
import { createReport } from './test-report.ts';

const EVERYTHING = ['{src,test,bench}/**/*.test.ts'];

/** They need servers that `npm run servers:start` starts, or take long: each has a command of its own. */
const isApart = (file: string): boolean => file.startsWith('test/servers/') || file.endsWith('.full.test.ts');

const isUnitTest = (file: string): boolean => !file.startsWith('test/');

const FILE_TIMEOUT_MS = 300_000;

const findFiles = async (patterns: readonly string[]): Promise<string[]> => {
  const files = new Set<string>();
  for (const pattern of patterns) {
    const found = await Array.fromAsync(
      glob(pattern.endsWith('.ts') ? pattern : `${pattern.replace(/\/?(\*\*)?$/, '')}/**/*.test.ts`),
    );
    if (found.length === 0) throw new Error(`no test file matches ${pattern}`);
    for (const file of found) files.add(relative(process.cwd(), file));
  }
  // The suites under test/ take longest, so they come first: none is left to run alone at the end.
  return [...files].toSorted().toSorted((a, b) => Number(isUnitTest(a)) - Number(isUnitTest(b)));
};

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => stopping.abort(new Error(signal)));

const main = async (): Promise<number> => {
  const patterns = process.argv.slice(2);
  const files =
    patterns.length > 0 ? await findFiles(patterns) : (await findFiles(EVERYTHING)).filter((file) => !isApart(file));
  await using resources = new AsyncDisposableStack();
  if (process.env['TEST_POSTGRES_URL'] === undefined) {
    const postgres = resources.use(await startPostgresServer({ settings: SHARED_SERVER_SETTINGS }));
    process.env['TEST_POSTGRES_URL'] = postgres.urlOf('postgres');
    process.env['TEST_POSTGRES_BINARIES'] = postgres.binaries;
  }
  const report = createReport(files, (text) => process.stdout.write(text));
  const events = run({
    files,
    // Tests often wait for a disk or a timer: one more than there are processors.
    concurrency: Math.min(4, availableParallelism() + 1),
    execArgv: ['--disable-warning=ExperimentalWarning'],
    timeout: FILE_TIMEOUT_MS,
    signal: stopping.signal,
  });
  for await (const event of events) {
    report.add(event);
    if (stopping.signal.aborted) break;
  }
  if (stopping.signal.aborted) {
    process.stdout.write(`stopped by a signal\n`);
    return 130;
  }
  return report.finish() ? 0 : 1;
};

process.exitCode = await main();
