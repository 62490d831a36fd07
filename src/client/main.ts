// The process list shows arguments, which can hold a password: overwrite them before anything else.
process.title = 'anchore-cli';
import { enableCompileCache } from 'node:module';
import { readPackageVersion } from '../core/package-version.ts';
import type { Command } from './context.ts';
import type { RunOptions } from './program.ts';

enableCompileCache();

const interruption = new AbortController();

const onSignal = (): void => {
  if (interruption.signal.aborted) process.exit(130);
  interruption.abort();
};

const isSet = (name: string): boolean => /^(y|yes|true|1)$/i.test(process.env[name] ?? '');

const report = async (error: unknown, options: { readonly json: boolean; readonly debug: boolean }): Promise<void> => {
  const [{ reportError }, { createOutput }] = await Promise.all([import('./error-report.ts'), import('./output.ts')]);
  const { text, json, exit } = reportError(error, options.debug);
  process.stderr.write(text);
  createOutput((line) => process.stdout.write(line), options.json).object(json);
  process.exitCode = exit;
};

const runCommand = async (load: () => Promise<Command>, options: RunOptions): Promise<void> => {
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const json = options.json || isSet('ANCHORE_CLI_JSON');
  const debug = options.debug || isSet('ANCHORE_CLI_DEBUG');
  try {
    const { openClient } = await import('./open-client.ts');
    const { signal } = interruption;
    await using context = await openClient({
      connection: options.connection,
      environment: process.env,
      version: readPackageVersion(),
      json,
      debug,
      signal,
      streams: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
    });
    const command = await load();
    if (options.checkAccess) await context.service.checkAccess();
    process.exitCode = await command(context);
  } catch (error) {
    await report(error, { json, debug });
  }
};

/** The parser repeats what it was given, which can be a password in a URL or behind --p. */
const reportUsage = async (message: string): Promise<void> => {
  const [{ AppError }, { maskUrls }, { registerSecret }] = await Promise.all([
    import('../core/errors.ts'),
    import('../core/mask-url.ts'),
    import('../core/secrets.ts'),
  ]);
  const index = process.argv.indexOf('--p');
  if (index > 0) registerSecret(process.argv[index + 1] ?? '');
  const sentence = maskUrls(message)
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
  const json = process.argv.includes('--json') || isSet('ANCHORE_CLI_JSON');
  await report(new AppError('usage.invalid', sentence), { json, debug: false });
};

const main = async (): Promise<void> => {
  const { createProgram } = await import('./program.ts');
  const { CommanderError } = await import('commander');
  const program = createProgram(runCommand, readPackageVersion(), (text) => void process.stdout.write(text));
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.help')
      return reportUsage('a command is missing; see --help for those that there are');
    if (error.exitCode !== 0) return reportUsage(error.message);
  }
};

// A reader that has seen enough (`| head`) is no reason to break off what is under way.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

// Not awaited: the standalone executable is CommonJS. What a library may still hold open does not keep a finished command waiting.
void main().finally(() => setTimeout(() => process.exit(), 2000).unref());
