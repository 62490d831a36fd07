import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { createProgram } from '../../src/manager/command-line/program.ts';
import { isTest, readSourceFiles } from '../support/source-files.ts';

const optionsOf = (command: Command): readonly string[] => [
  ...command.options.map((option) => option.attributeName()),
  ...command.commands.flatMap(optionsOf),
];

/** They declare options, or repeat them as they were typed. */
const DECLARING = /command-line\/(after|before|moving|options|watching)\.ts$|plan\/next-steps\.ts$/;

/** What shows an option read: `input.flag('move')`, `input.value('verify')`, `options.debug`, `group.dbConnect`. */
const isRead = (name: string, code: string): boolean => new RegExp(`'${name}'|[.?]${name}\\b`).test(code);

test('every option that the command line declares is read by something', async () => {
  const program = createProgram(
    async () => undefined,
    '0',
    () => undefined,
  );
  const names = new Set(optionsOf(program));
  assert.ok(names.size > 30);
  const readers = (await readSourceFiles('src/manager')).filter(({ path }) => !isTest(path) && !DECLARING.test(path));
  const code = readers.map((file) => file.code).join('\n');
  assert.deepEqual(
    [...names].filter((name) => !isRead(name, code)),
    [],
  );
});
