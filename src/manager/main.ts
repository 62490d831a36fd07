// The process list shows arguments, which can hold a password: overwrite them before anything else.
process.title = 'anchore-manager';
import { enableCompileCache } from 'node:module';
import { readPackageVersion } from '../core/package-version.ts';
import type { Console, ConsoleOptions } from './console.ts';
import type { Command, CommandContext, CommandInput, GroupOptions } from './context.ts';
import type { ExitCode } from './exit-code.ts';
import { warnOfTestHooks } from './test-hooks-warning.ts';

enableCompileCache();

const interruption = new AbortController();
/** Writes to standard error, above the live view once there is one. */
let say = (text: string): void => void process.stderr.write(text);

/** The first signal asks the command to stop at a safe place; the second leaves at once, which is as safe as a kill. */
const onSignal = (): void => {
  if (interruption.signal.aborted) process.exit(130);
  say('Stopping at the next safe place; once more stops at once.\n');
  interruption.abort();
};

const runCommand = async (
  load: () => Promise<Command>,
  input: CommandInput,
  options: ConsoleOptions & { readonly group: GroupOptions },
): Promise<void> => {
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const { openConsole } = await import('./console.ts');
  let console: Console | undefined;
  let exit: ExitCode;
  const atEnd: ((exit: ExitCode) => Promise<void>)[] = [];
  try {
    console = openConsole(process.stdout, process.stderr, options);
    const { screen } = console;
    say = (text) => screen.print(text);
    process.once('exit', () => screen.clear());
    const context: CommandContext = {
      ...console,
      environment: process.env,
      terminal: { input: process.stdin, output: process.stderr },
      signal: interruption.signal,
      toolVersion: readPackageVersion(),
      group: options.group,
      atEnd: (work) => void atEnd.push(work),
    };
    const command = await load();
    exit = await command(context, input);
  } catch (error) {
    const { reportError } = await import('./error-report.ts');
    const report = reportError(error, { debug: options.debug, signal: interruption.signal });
    console ??= openConsole(process.stdout, process.stderr, { ...options, logFile: undefined });
    console.fail(report);
    exit = report.exit;
  }
  process.exitCode = exit;
  for (const work of atEnd.toReversed()) await work(exit);
  console[Symbol.dispose]();
};

/** A command line that cannot be understood, told in the same form as every other error. */
const reportUsage = async (message: string, remedy: string): Promise<void> => {
  const [{ AppError }, { maskUrls }, { reportError }] = await Promise.all([
    import('../core/errors.ts'),
    import('../core/mask-url.ts'),
    import('./error-report.ts'),
  ]);
  // The parser repeats what it was given, which can be a database URL.
  const sentence = maskUrls(message)
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
  const report = reportError(new AppError('usage.invalid', sentence, { remedy }), {
    debug: false,
    signal: interruption.signal,
  });
  process.stderr.write(report.text);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(report.json)}\n`);
  process.exitCode = report.exit;
};

const main = async (): Promise<void> => {
  const warning = warnOfTestHooks(process.env);
  if (warning !== undefined) process.stderr.write(warning);
  const { createProgram } = await import('./command-line/program.ts');
  const { CommanderError } = await import('commander');
  const program = createProgram(runCommand, readPackageVersion(), (text) => void process.stdout.write(text));
  try {
    await program.parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const { usageRemedy } = await import('./command-line/usage-remedy.ts');
    const remedy = usageRemedy(program, process.argv.slice(2));
    if (error.code === 'commander.help') return reportUsage('a command is missing', remedy);
    if (error.exitCode !== 0) return reportUsage(error.message, remedy);
  }
};

// A reader that has seen enough (`| head`) is no reason to break off what is under way.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

// Not awaited: the standalone executable is CommonJS. What a library may still hold open (idle connections, a terminal) does
// not keep a finished command waiting.
void main().finally(() => setTimeout(() => process.exit(), 2000).unref());
