import { Command as Commander } from 'commander';
import { COMPLETION_TEXT, shellArgument } from '../../core/command-line/completion-command.ts';
import { describeProgram } from '../../core/command-line/describe-program.ts';
import type { ConsoleOptions } from '../console.ts';
import type { Command, CommandInput, GroupOptions } from '../context.ts';
import { declareAfter } from './after.ts';
import { declareBefore } from './before.ts';
import type { Declare } from './declare.ts';
import { EXIT_TEXTS } from './exit-texts.ts';
import { formatHelp } from './format-help.ts';
import { groupOptionsOf, inputOf } from './input.ts';
import { declareMoving } from './moving.ts';
import { wholeNumber } from './options.ts';
import { declareWatching } from './watching.ts';

/** Runs a command that the command line names. `load` imports it: `--help` must not pay for what it does not use. */
export type RunCommand = (
  load: () => Promise<Command>,
  input: CommandInput,
  options: ConsoleOptions & { readonly group: GroupOptions },
) => Promise<void>;

const declareCommand = (
  parent: Commander,
  run: RunCommand,
  usage: string,
  text: string,
  load: () => Promise<Command>,
): Commander => {
  const command = parent.command(usage).summary(text).description(text);
  return command.action(async () => {
    const options: Readonly<Record<string, unknown>> = command.optsWithGlobals();
    await run(load, inputOf(command), {
      debug: options['debug'] === true,
      json: options['json'] === true,
      quiet: options['quiet'] === true,
      logFile: typeof options['logFile'] === 'string' ? options['logFile'] : undefined,
      group: groupOptionsOf(options),
    });
  });
};

/** The options of a group stand before or after its commands. */
const addGroup = (program: Commander, name: string, summary: string, run: RunCommand): void => {
  const group = program.command(name).summary(summary).description(summary);
  group
    .option(
      '--db-connect <url>',
      'Database URL, or @FILE that holds it. Default: ANCHORE_DB_CONNECT, the configuration file, ./anchore-data.',
    )
    .option('--db-connect-file <file>', 'File that holds the database URL; it does not show in the process list.')
    .option('--configfile <file>', 'Configuration file whose credentials.database names the database.')
    .option('--db-use-ssl', 'Demand TLS on the connection to the database.')
    .option(
      '--db-retries <count>',
      'How often to try to connect, at intervals of 5 seconds. Default: once.',
      wholeNumber(1),
    )
    .option('--db-timeout <seconds>', 'How long one database statement may take. Default: 30.', wholeNumber(0))
    .option(
      '--db-connect-timeout <seconds>',
      'How long connecting to the database may take. Default: 120.',
      wholeNumber(1),
    );

  group.helpCommand('help [command]', 'Show help of a command.');

  const add: Declare = (usage, text, load) => declareCommand(group, run, usage, text, load);

  declareBefore(add);
  declareMoving(add);
  declareWatching(add);
  declareAfter(add);
};

const EXIT_CODES = `
Exit codes:
${Object.entries(EXIT_TEXTS)
  .map(([code, text]) => `  ${code.padEnd(3)}  ${text}`)
  .join('\n')}`;

/** The whole command line. Throws CommanderError, never exits. */
export const createProgram = (run: RunCommand, version: string, writeOut: (text: string) => void): Commander => {
  const program = new Commander('anchore-manager');
  program
    .exitOverride()
    .configureOutput({ writeOut, writeErr: () => undefined })
    .showSuggestionAfterError()
    .configureHelp({ formatHelp })
    .description(
      'Moves an Anchore Engine archive to another storage driver: verified, crash-safe, resumable, reversible.',
    )
    .option('--debug', 'Write what happens in detail, and where an error came from.')
    .option(
      '--json',
      'Print results, and events while a migration runs, as JSON on standard output, one object a line.',
    )
    .option('--quiet', 'Say nothing but errors and results.')
    .option(
      '--log-file <file>',
      'Append log lines to a file, with their times; the screen then keeps warnings, errors and the live view.',
    )
    .version(version, '--version', 'Print the version.')
    .helpOption('-h, --help', 'Show help.')
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES);
  addGroup(program, 'archivestorage', 'Archive storage: check, migrate, verify, undo.', run);
  addGroup(program, 'objectstorage', 'The same as archivestorage, under its later name.', run);
  declareCommand(program, run, 'completion', COMPLETION_TEXT, async () =>
    (await import('../commands/completion.ts')).createCompletion(describeProgram(program)),
  ).addArgument(shellArgument());
  return program;
};
