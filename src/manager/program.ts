import { Command as Commander, InvalidArgumentError, Option } from 'commander';
import type { Command, CommandInput, GroupOptions } from './context.ts';

/** Runs a command that the command line names. `load` imports it: `--help` must not pay for what it does not use. */
export type RunCommand = (
  load: () => Promise<Command>,
  input: CommandInput,
  options: { readonly debug: boolean; readonly json: boolean; readonly group: GroupOptions },
) => Promise<void>;

const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least)
      throw new InvalidArgumentError(`It must be a whole number from ${least}.`);
    return value;
  };

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

const groupOptionsOf = (options: Readonly<Record<string, unknown>>): GroupOptions => ({
  dbConnect: textOf(options['dbConnect']),
  dbConnectFile: textOf(options['dbConnectFile']),
  configFile: textOf(options['configfile']),
  dbUseSsl: options['dbUseSsl'] === true,
  dbRetries: numberOf(options['dbRetries']),
  dbTimeoutSeconds: numberOf(options['dbTimeout']),
  dbConnectTimeoutSeconds: numberOf(options['dbConnectTimeout']),
});

const inputOf = (command: Commander): CommandInput => {
  const options: Readonly<Record<string, unknown>> = command.opts();
  return {
    argument: (index) => command.args[index] ?? '',
    flag: (name) => options[name] === true,
    list: (name) => {
      const value = options[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    value: (name) => {
      const value = options[name];
      return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
    },
  };
};

const DONTASK = ['--dontask', 'Perform the operation without asking.'] as const;
const FORCE = ['--force', 'Go on although a safety check that can err refuses; what it found is still said.'] as const;
const READ_BACK = new Option(
  '--verify <how>',
  'How the destination proves a copy: read-back reads every one again.',
).choices(['read-back']);
const RECLAIM = [
  '--reclaim',
  'After cleaning, have the table of a db or db2 source give back its room: TRUNCATE if it is empty, else VACUUM FULL.',
] as const;
const BUCKET = [
  '--bucket <name>',
  'Only this logical bucket (analysis_data, manifest_data, ...), not a bucket of the store. Can be repeated.',
] as const;
const FROM_ANALYSIS = ['--from-analysis-archive', 'Take the section analysis_archive of FROM.'] as const;
const FROM = ['--from <config>', 'Configuration file of its source, where it no longer lies where it did.'] as const;
const TO = ['--to <config>', 'Configuration file of its destination, where it no longer lies where it did.'] as const;
const TO_ANALYSIS = ['--to-analysis-archive', 'Take the section analysis_archive of TO.'] as const;

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

  const add = (usage: string, text: string, load: () => Promise<Command>): Commander => {
    const command = group.command(usage).summary(text).description(text);
    command.action(async () => {
      const options: Readonly<Record<string, unknown>> = command.optsWithGlobals();
      await run(load, inputOf(command), {
        debug: options['debug'] === true,
        json: options['json'] === true,
        group: groupOptionsOf(options),
      });
    });
    return command;
  };

  add(
    'check <configfile>',
    'Write, read, compare and remove a small document through a configuration.',
    async () => (await import('./commands/check.ts')).check,
  ).option('--analysis-archive', 'Check the section analysis_archive.');
  add(
    'migrate <from> <to>',
    'Move the archive from the store of one configuration file to that of another.',
    async () => (await import('./commands/migrate.ts')).migrate,
  )
    .option('--nodelete', 'Leave the documents in the source; clean ID removes them later.')
    .option(...RECLAIM)
    .option(...DONTASK)
    .option(...BUCKET, collect)
    .option(...FROM_ANALYSIS)
    .option(...TO_ANALYSIS)
    .option('--skip-failed', 'Switch although documents failed; they stay on the source and are listed.')
    .option('--retry-failed', 'Copy the documents that failed before once more; a repeated migrate does so anyway.')
    .option(
      '--move',
      'Free the source batch by batch, for lack of room for two copies; an interruption then leaves documents on both sides.',
    )
    .option(...FORCE)
    .addOption(READ_BACK)
    .addHelpText('after', MIGRATE_STEPS);
  add(
    'precopy <from> <to>',
    'Copy what is new or changed while the services run; changes no metadata, deletes nothing.',
    async () => (await import('./commands/precopy.ts')).precopy,
  )
    .option(...BUCKET, collect)
    .option(...FROM_ANALYSIS)
    .option(...TO_ANALYSIS)
    .option(...FORCE)
    .addOption(READ_BACK);
  add(
    'list-migrations',
    'List all migrations and their results.',
    async () => (await import('./commands/list-migrations.ts')).listMigrations,
  );
  add(
    'list-drivers',
    'Show the drivers that can be a source or a destination.',
    async () => (await import('./commands/list-drivers.ts')).listDrivers,
  );
  add(
    'show-migration <id>',
    'Show one migration: stores, counts, which configuration works, what failed.',
    async () => (await import('./commands/show-migration.ts')).showMigration,
  )
    .option('--failed', 'List every failed document with its reason.')
    .option('--skipped', 'List every document that was left where it is, with the reason.');
  add(
    'resume <id>',
    'Continue an unfinished migration where it was.',
    async () => (await import('./commands/resume.ts')).resume,
  )
    .option(...FROM)
    .option(...TO)
    .option(...DONTASK)
    .option('--nodelete', 'Leave the documents in the source.')
    .option('--skip-failed', 'Switch although documents failed; they stay on the source and are listed.')
    .option(...FORCE)
    .addOption(READ_BACK);
  add(
    'retry <id>',
    'Copy the failed documents of a migration alone once more; after its switch, switch them too.',
    async () => (await import('./commands/resume.ts')).retry,
  )
    .option(...FROM)
    .option(...TO)
    .option(...DONTASK)
    .option('--nodelete', 'Leave the documents in the source.')
    .option(...FORCE)
    .addOption(READ_BACK);
  add(
    'rollback <id>',
    'Bring a switched migration back, using the old documents, until its source has been cleaned.',
    async () => (await import('./commands/rollback.ts')).rollback,
  )
    .option(...FROM)
    .option(...TO)
    .option('--delete-copies', 'Remove our copies from the destination afterwards.')
    .option(...DONTASK)
    .option(...FORCE);
  add(
    'clean <id>',
    'Delete from the source what a migration has switched, or finish that; the services have to be stopped.',
    async () => (await import('./commands/clean.ts')).clean,
  )
    .option(...RECLAIM)
    .option(...FROM)
    .option(...TO)
    .option(...DONTASK)
    .option(...FORCE);
  add(
    'verify <configfile>',
    'Read every document through a configuration and report what is missing, wrong or unreadable.',
    async () => (await import('./commands/verify.ts')).verify,
  )
    .option('--analysis-archive', 'Verify the section analysis_archive.')
    .option('--sample <count>', 'Read only so many documents, spread over the archive.', wholeNumber(1));
  add(
    'remove-tables',
    "Remove this tool's own tables (the journals) from the database; Anchore's stay.",
    async () => (await import('./commands/remove-tables.ts')).removeTables,
  ).option(...DONTASK);
};

const MIGRATE_STEPS = `
Steps:
  1. Stop all anchore-engine services.
  2. Write a second configuration file whose archive section is as you want it afterwards.
  3. check it, then migrate FROM TO.
  4. Put the second file in the place of the first, and start the services.`;

const EXIT_CODES = `
Exit codes:
  0 done   1 documents failed   2 usage or configuration   3 refused   4 store or database   5 wrong data   130 interrupted`;

/** The whole command line. Throws CommanderError, never exits. */
export const createProgram = (run: RunCommand, version: string, writeOut: (text: string) => void): Commander => {
  const program = new Commander('anchore-manager');
  program
    .exitOverride()
    .configureOutput({ writeOut, writeErr: () => undefined })
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .description(
      'Moves an Anchore Engine archive to another storage driver: verified, crash-safe, resumable, reversible.',
    )
    .option('--debug', 'Write what happens in detail, and where an error came from.')
    .option('--json', 'Print results as JSON on standard output.')
    .version(version, '--version', 'Print the version.')
    .helpOption('-h, --help', 'Show help.')
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES);
  addGroup(program, 'archivestorage', 'Archive storage: check, migrate, verify, undo.', run);
  addGroup(program, 'objectstorage', 'The same as archivestorage, under its later name.', run);
  return program;
};
