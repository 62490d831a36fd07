import assert from 'node:assert/strict';
import test from 'node:test';
import { CommanderError } from 'commander';
import type { CommandInput, GroupOptions } from '../context.ts';
import { createProgram } from './program.ts';

interface Call {
  readonly input: CommandInput;
  readonly options: { readonly debug: boolean; readonly json: boolean; readonly group: GroupOptions };
}

/** What a command line calls, or the text of the help or error that it gives. */
const parse = async (...args: readonly string[]): Promise<{ call?: Call; printed: string; error?: CommanderError }> => {
  let call: Call | undefined;
  let printed = '';
  const program = createProgram(
    async (_, input, options) => void (call = { input, options }),
    '9.9.9',
    (text) => void (printed += text),
  );
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    assert.ok(error instanceof CommanderError, String(error));
    return { printed, error };
  }
  return { printed, ...(call && { call }) };
};

const COMMANDS = [
  'check',
  'plan',
  'migrate',
  'precopy',
  'list-migrations',
  'list-drivers',
  'show-migration',
  'watch',
  'pause',
  'limit',
  'resume',
  'retry',
  'rollback',
  'clean',
  'verify',
  'remove-tables',
];

test('--help answers everywhere, with success', async () => {
  for (const group of ['archivestorage', 'objectstorage']) {
    assert.match((await parse('--help')).printed, new RegExp(`^ {2}${group} `, 'm'));
    const overview = (await parse(group, '--help')).printed;
    for (const command of COMMANDS) {
      assert.match(overview, new RegExp(`^ {2}${command} `, 'm'), command);
      const { printed, error } = await parse(group, command, '--help');
      assert.equal(error?.exitCode, 0);
      assert.match(printed, new RegExp(`^Usage: anchore-manager ${group} ${command} `));
      assert.match(printed, /--db-connect <url>/);
      assert.doesNotMatch(printed, /Database URL/, 'what the group explains is not repeated');
    }
    for (const explained of ['--db-connect <url>', '--json', '--debug'])
      assert.match(overview, new RegExp(`^ {2}${explained} {2}`, 'm'));
  }
});

test('the version answers wherever it is asked for', async () => {
  for (const args of [['--version'], ['archivestorage', '--version'], ['archivestorage', 'list-drivers', '--version']])
    assert.equal((await parse(...args)).printed, '9.9.9\n');
});

test('options of a group and global ones stand before or after the command', async () => {
  const places = [
    [
      '--json',
      '--debug',
      'archivestorage',
      '--db-connect',
      'URL',
      '--db-use-ssl',
      '--db-retries',
      '3',
      'migrate',
      'a',
      'b',
    ],
    [
      'archivestorage',
      'migrate',
      'a',
      'b',
      '--db-connect',
      'URL',
      '--db-use-ssl',
      '--json',
      '--db-retries=3',
      '--debug',
    ],
    [
      'archivestorage',
      '--debug',
      'migrate',
      '--db-connect=URL',
      'a',
      '--db-retries',
      '3',
      'b',
      '--json',
      '--db-use-ssl',
    ],
  ];
  for (const args of places) {
    const { call } = await parse(...args);
    assert.ok(call);
    assert.deepEqual(
      [call.options.debug, call.options.json, call.input.argument(0), call.input.argument(1)],
      [true, true, 'a', 'b'],
    );
    assert.deepEqual(
      [
        call.options.group.dbConnect,
        call.options.group.dbUseSsl,
        call.options.group.dbRetries,
        call.options.group.dbTimeoutSeconds,
      ],
      ['URL', true, 3, undefined],
    );
  }
});

test('options of migrate', async () => {
  const { call } = await parse(
    'objectstorage',
    'migrate',
    'a',
    'b',
    '--bucket',
    'x',
    '--nodelete',
    '--bucket',
    'y',
    '--verify=read-back',
    '--to-analysis-archive',
  );
  assert.deepEqual(call?.input.list('bucket'), ['x', 'y']);
  assert.deepEqual(
    ['nodelete', 'dontask', 'toAnalysisArchive', 'fromAnalysisArchive', 'move'].map((name) => call?.input.flag(name)),
    [true, false, true, false, false],
  );
  assert.equal(call?.input.value('verify'), 'read-back');
});

test('what cannot be understood is named, with what was probably meant', async () => {
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [['archivestorage', 'migrate', 'a', 'b', '--nodelte'], /unknown option '--nodelte'\n\(Did you mean --nodelete\?\)/],
    [['archivestorage', 'migrat', 'a', 'b'], /unknown command 'migrat'\n\(Did you mean migrate\?\)/],
    [['archivstorage'], /unknown command 'archivstorage'\n\(Did you mean archivestorage\?\)/],
    [['archivestorage', 'migrate', 'a'], /missing required argument 'to'/],
    [['archivestorage', 'migrate', 'a', 'b', 'c'], /too many arguments/],
    [['archivestorage', 'migrate', 'a', 'b', '--verify=maybe'], /Allowed choices are read-back/],
    [['archivestorage', '--db-retries', 'many', 'list-drivers'], /It must be a whole number from 1/],
    [['archivestorage', 'verify', 'a', '--sample', '0'], /It must be a whole number from 1/],
  ];
  for (const [args, message] of cases) {
    const { error } = await parse(...args);
    assert.match(error?.message ?? '', message);
    assert.notEqual(error?.exitCode, 0);
  }
});
