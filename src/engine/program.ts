import { Command as Commander } from 'commander';
import { addCompletion } from '../core/command-line/completion-command.ts';

/** Options as the parser left them. */
type Given = Readonly<Record<string, unknown>>;

/** What the commands do. */
export interface EngineCommands {
  readonly start: (given: Given) => Promise<void>;
  readonly init: (given: Given) => Promise<void>;
}

/** The whole command line. Throws CommanderError, never exits. */
export const createProgram = (
  { start, init }: EngineCommands,
  version: string,
  writeOut: (text: string) => void,
): Commander => {
  const program = new Commander('anchore-engine')
    .description('The service that owns an archive: documents and policies over REST.')
    .version(version, '--version', 'Print the version.')
    .helpCommand(false)
    .configureOutput({ writeOut, writeErr: () => undefined })
    .exitOverride();
  const config = [
    '-c, --config <file>',
    'Configuration file. Default: none; the embedded database in ./anchore-data.',
  ] as const;
  const debug = ['--debug', 'Write what happens in detail.'] as const;
  program
    .command('start')
    .description('Run the services that the configuration enables.')
    .option(...config)
    .option('--allow-unreadable', 'Start although the configuration cannot read some of the documents, and warn.')
    .option('--any-port', 'Listen on ports that are free, instead of those of the configuration.')
    .option(...debug)
    .action(start);
  program
    .command('init')
    .description('Create or upgrade the tables, and end.')
    .option(...config)
    .option(...debug)
    .action(init);
  addCompletion(program, writeOut);
  return program;
};
