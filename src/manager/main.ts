// The process list shows arguments, which can hold a password: overwrite them before anything else.
process.title = 'anchore-manager';
import { enableCompileCache } from 'node:module';
import { readPackageVersion } from '../core/package-version.ts';
import type { Command, CommandContext, CommandInput, GroupOptions } from './context.ts';

enableCompileCache();

const interruption = new AbortController();

/** The first signal asks the command to stop at a safe place; the second leaves at once, which is as safe as a kill. */
const onSignal = (): void => {
  if (interruption.signal.aborted) process.exit(130);
  process.stderr.write('Stopping at the next safe place; once more stops at once.\n');
  interruption.abort();
};

const runCommand = async (
  load: () => Promise<Command>,
  input: CommandInput,
  options: { readonly debug: boolean; readonly json: boolean; readonly group: GroupOptions },
): Promise<void> => {
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const [{ createLog }, { createOutput }] = await Promise.all([import('../core/log.ts'), import('./output.ts')]);
  const output = createOutput((text) => process.stdout.write(text), options.json);
  try {
    const context: CommandContext = {
      environment: process.env,
      log: createLog({ write: (line) => process.stderr.write(line), debug: options.debug }),
      output,
      terminal: { input: process.stdin, output: process.stderr },
      signal: interruption.signal,
      toolVersion: readPackageVersion(),
      group: options.group,
    };
    const command = await load();
    process.exitCode = await command(context, input);
  } catch (error) {
    const { reportError } = await import('./error-report.ts');
    const report = reportError(error, { debug: options.debug, signal: interruption.signal });
    process.stderr.write(report.text);
    output.object(report.json);
    process.exitCode = report.exit;
  }
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
