import { Command as Commander, InvalidArgumentError, Option } from 'commander';
import { addCompletion } from '../core/command-line/completion-command.ts';
import type { Command } from './context.ts';
import { MANUAL_NOTES } from './manual-notes.ts';
import type { ConnectionOptions } from './settings.ts';

export interface RunOptions {
  readonly connection: ConnectionOptions;
  readonly json: boolean;
  readonly debug: boolean;
  /** Whether the service has to let the user in first, as the original does it. */
  readonly checkAccess: boolean;
}

/** Runs a command that the command line names. `load` imports it: `--help` must not pay for what it does not use. */
export type RunCommand = (load: () => Promise<Command>, options: RunOptions) => Promise<void>;

const NOTES = `
Options may stand before or after the command. The password is best kept in a file (--password-file).
Environment: ${MANUAL_NOTES.variables
  .map(([name]) => name)
  .join(', ')
  .replaceAll(/(.{80}\S*) /g, '$1\n  ')}
Exit codes:
  ${MANUAL_NOTES.exits.map(([code, text]) => `${code} ${text}`).join('   ')}`;

const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number of seconds.');
  return value;
};

const countOf = (text: string): number => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 64) throw new InvalidArgumentError('Expected a number from 1 to 64.');
  return value;
};

const words = (text: string): readonly string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

type Given = Readonly<Record<string, unknown>>;

const textOf = (given: Given, key: string): string | undefined => {
  const value = given[key];
  return typeof value === 'string' ? value : undefined;
};

const numberOf = (given: Given, key: string, byDefault: number): number => {
  const value = given[key];
  return typeof value === 'number' ? value : byDefault;
};

const connectionOf = (given: Given): ConnectionOptions => ({
  url: textOf(given, 'url'),
  user: textOf(given, 'u'),
  password: textOf(given, 'p'),
  passwordFile: textOf(given, 'passwordFile'),
  asAccount: textOf(given, 'asAccount'),
  caFile: textOf(given, 'cacert'),
  insecure: given['insecure'] === true,
  credentialsFile: textOf(given, 'config'),
});

/** Adds commands to a group. `prepare` makes the command of what was given. */
class Group {
  readonly #group: Commander;
  readonly #run: RunCommand;

  constructor(program: Commander, name: string, summary: string, run: RunCommand) {
    this.#group = program.command(name).summary(summary).description(summary);
    this.#run = run;
  }

  add(
    usage: string,
    text: string,
    prepare: (args: readonly unknown[], given: Given) => Promise<Command>,
    { checkAccess = true }: { readonly checkAccess?: boolean } = {},
  ): Commander {
    const command = this.#group.command(usage).summary(text).description(text);
    command.action(async () => {
      const given: Given = command.optsWithGlobals();
      await this.#run(() => prepare(command.processedArgs, given), {
        connection: connectionOf(given),
        json: given['json'] === true,
        debug: given['debug'] === true,
        checkAccess,
      });
    });
    return command;
  }
}

const addSystem = (program: Commander, run: RunCommand): void => {
  const group = new Group(program, 'system', 'The service itself.', run);
  group.add(
    'status',
    'Show which services there are, and whether they are up.',
    async () => (await import('./commands/system-status.ts')).systemStatus,
  );
  group
    .add(
      'wait',
      'Wait until the service can be used.',
      async (_, given) =>
        (await import('./commands/system-wait.ts')).systemWait({
          timeoutMs: numberOf(given, 'timeout', -1) * 1000,
          intervalMs: Math.max(0.05, numberOf(given, 'interval', 5)) * 1000,
          services: words(textOf(given, 'servicesready') ?? ''),
          feeds: words(textOf(given, 'feedsready') ?? ''),
        }),
      { checkAccess: false },
    )
    .option('--timeout <seconds>', 'How long to wait at most; negative: for ever.', seconds, -1)
    .option('--interval <seconds>', 'How long between two checks.', seconds, 5)
    .option('--servicesready <names>', 'Services of which one each must be up.', 'catalog,apiext')
    .addOption(
      new Option('--feedsready <names>', 'Taken as the original has it; this service has no feeds.').default(''),
    );
};

const addPolicy = (program: Commander, run: RunCommand): void => {
  const group = new Group(program, 'policy', 'Policy bundles.', run);
  const load = () => import('./commands/policy.ts');
  group.add('list', 'List all policies.', async () => (await load()).policyList);
  group
    .add('get <policyid>', 'Show a policy.', async ([id], given) =>
      (await load()).policyGet(String(id), given['detail'] === true),
    )
    .option('--detail', 'Print the bundle as JSON.');
  group.add('add <file>', 'Add a bundle, or replace the one with its id; - is standard input.', async ([file]) =>
    (await load()).policyAdd(String(file)),
  );
  group.add('activate <policyid>', 'Make a policy the active one.', async ([id]) =>
    (await load()).policyActivate(String(id)),
  );
  group.add('del <policyid>', 'Delete a policy that is not the active one.', async ([id]) =>
    (await load()).policyDelete(String(id)),
  );
};

const listOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

const CONCURRENCY = ['--concurrency <count>', 'How many at once.', countOf, 8] as const;

const addDocument = (program: Commander, run: RunCommand): void => {
  const group = new Group(program, 'document', 'The documents of the archive.', run);
  group
    .add(
      'put <bucket> <file...>',
      'Store files as documents; a folder means its files, - is standard input.',
      async ([bucket, files], given) =>
        (await import('./commands/document-put.ts')).documentPut({
          bucket: String(bucket),
          inputs: listOf(files),
          id: textOf(given, 'id'),
          raw: given['raw'] === true,
          concurrency: numberOf(given, 'concurrency', CONCURRENCY[3]),
        }),
    )
    .option('--id <id>', "Archive id of the only file. Default: the file's name, in which %XX stands for a byte.")
    .option('--raw', 'Any bytes, as they are. Default: the file holds JSON, and becomes a JSON document.')
    .option(...CONCURRENCY);
  group
    .add('get <bucket> [id...]', 'Print a document, or write documents to files.', async ([bucket, ids], given) =>
      (await import('./commands/document-get.ts')).documentGet({
        bucket: String(bucket),
        ids: listOf(ids),
        all: given['all'] === true,
        raw: given['raw'] === true,
        outputFile: textOf(given, 'output'),
        folder: textOf(given, 'folder'),
        concurrency: numberOf(given, 'concurrency', CONCURRENCY[3]),
      }),
    )
    .option('-o, --output <file>', 'Write the document to this file.')
    .option('--folder <folder>', 'Write each document to a file of this folder, named so that put finds its id again.')
    .option('--all', 'All documents of the bucket.')
    .option('--raw', 'The bytes as they were stored. Default: the value inside of a JSON document.')
    .option(...CONCURRENCY);
  group.add('list [bucket]', 'List the documents of the account.', async ([bucket]) =>
    (await import('./commands/document-list.ts')).documentList(typeof bucket === 'string' ? bucket : undefined),
  );
  group
    .add('delete <bucket> <id...>', 'Delete documents.', async ([bucket, ids], given) =>
      (await import('./commands/document-delete.ts')).documentDelete({
        bucket: String(bucket),
        ids: listOf(ids),
        concurrency: numberOf(given, 'concurrency', CONCURRENCY[3]),
      }),
    )
    .option(...CONCURRENCY);
};

/** The whole command line. Throws CommanderError, never exits. */
export const createProgram = (run: RunCommand, version: string, writeOut: (text: string) => void): Commander => {
  const program = new Commander('anchore-cli');
  program
    .exitOverride()
    .configureOutput({ writeOut, writeErr: () => undefined })
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .description('Speaks to an anchore-engine: its policies, accounts and documents.')
    .option('--url <url>', 'URL of the service. Default: http://localhost:8228/v1.')
    .option('--u <user>', 'User.')
    .option('--p <password>', 'Password.')
    .option('--password-file <file>', 'File that holds the password.')
    .option('--as-account <account>', 'Act as another account, as an administrator may.')
    .option('--config <file>', 'Credentials file, as the original has it. Default: ~/.anchore/credentials.yaml.')
    .option('--cacert <file>', 'Certificates to trust, in PEM. Default: those of Node.')
    .option('--insecure', 'Do not check the certificate of the service.')
    .option('--json', 'Print what the service answers as JSON.')
    .option('--debug', 'Tell each request on standard error.')
    .version(version, '--version', 'Print the version.')
    .helpOption('-h, --help', 'Show help.')
    .helpCommand(false)
    .addHelpText('after', NOTES);
  addSystem(program, run);
  addPolicy(program, run);
  const account = new Group(program, 'account', 'Accounts.', run);
  account.add(
    'list',
    'List all accounts; for an administrator.',
    async () => (await import('./commands/account-list.ts')).accountList,
  );
  addDocument(program, run);
  addCompletion(program, writeOut);
  return program;
};
