process.title = 'anchore-engine';

import { enableCompileCache } from 'node:module';
import { readPackageVersion } from '../core/package-version.ts';
import type { StartOptions } from './start-engine.ts';

enableCompileCache();

const stopping = new AbortController();

const onSignal = (): void => {
  if (stopping.signal.aborted) process.exit(130);
  process.stderr.write('Stopping when running requests have ended; once more stops at once.\n');
  stopping.abort();
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const optionsOf = async (given: Readonly<Record<string, unknown>>): Promise<StartOptions> => {
  const { createLogger } = await import('./engine-log.ts');
  const { config, debug, anyPort, allowUnreadable } = given;
  return {
    configFile: typeof config === 'string' ? config : undefined,
    environment: process.env,
    logger: createLogger((line) => process.stderr.write(line), debug === true ? 'debug' : 'info'),
    version: readPackageVersion(),
    anyPort: anyPort === true,
    allowUnreadable: allowUnreadable === true,
    signal: stopping.signal,
  };
};

const start = async (given: Readonly<Record<string, unknown>>): Promise<void> => {
  const options = await optionsOf(given);
  const { startEngine } = await import('./start-engine.ts');
  await using engine = await startEngine(options);
  for (const [name, url] of engine.urls) say(`${name.padEnd(8)} ${url}${name === 'apiext' ? '/v1' : ''}`);
  say('user     admin');
  say(`password ${engine.password}`);
  say(`database ${engine.database}`);
  say(`archive  ${engine.store}`);
  if (!stopping.signal.aborted)
    await new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
};

const initialize = async (given: Readonly<Record<string, unknown>>): Promise<void> => {
  const options = await optionsOf(given);
  const { initializeDatabase } = await import('./start-engine.ts');
  say(`The tables are there: ${await initializeDatabase(options)}`);
};

const run = async (work: () => Promise<void>): Promise<void> => {
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    await work();
  } catch (error) {
    const { reportFailure } = await import('./report-failure.ts');
    const { text, exit } = reportFailure(error, stopping.signal);
    process.stderr.write(text);
    process.exitCode = exit;
  }
};

const main = async (): Promise<void> => {
  const { CommanderError } = await import('commander');
  const { createProgram } = await import('./program.ts');
  const program = createProgram(
    { start: (given) => run(() => start(given)), init: (given) => run(() => initialize(given)) },
    readPackageVersion(),
    (text) => void process.stdout.write(text),
  );
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    const text =
      error.code === 'commander.help' ? 'a command is missing; see --help for those that there are' : error.message;
    process.stderr.write(`${text.replace(/^error: /, 'Error: ')}\n`);
    process.exitCode = 2;
  }
};

process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

// Not awaited: the standalone executable is CommonJS. What a library may still hold open does not keep an ended service.
void main().finally(() => setTimeout(() => process.exit(), 2000).unref());
