import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runManager } from '../support/manager.ts';

const WARNING = /^WARNING: ANCHORE_MANAGER_TEST_HOOKS is set, which is for tests alone: .*$/gm;
const HOOKS = { ANCHORE_MANAGER_TEST_HOOKS: JSON.stringify({ settings: { quietPeriodMs: 0 } }) };

test('hooks that leaked into the environment are said at each start, once, even with --quiet and --json', async () => {
  for (const args of [
    ['--help'],
    ['archivestorage', 'list-drivers'],
    ['--quiet', '--json', 'archivestorage', 'list-drivers'],
    ['archivestorage', 'nonesuch'],
  ]) {
    const { stdout, stderr } = await runManager(args, HOOKS);
    assert.equal(stderr.match(WARNING)?.length, 1, `${args.join(' ')}\n${stderr}`);
    assert.doesNotMatch(stdout, WARNING, 'what a program reads stays as it is');
  }
});

test('without them nothing is said', async () => {
  for (const environment of [{}, { ANCHORE_MANAGER_TEST_HOOKS: '' }]) {
    const { stderr } = await runManager(['archivestorage', 'list-drivers'], environment);
    assert.doesNotMatch(stderr, /WARNING/);
  }
});
