import assert from 'node:assert/strict';
import test from 'node:test';
import { createLog } from '../../core/log.ts';
import { finishEnvironment, runOnFinish } from './on-finish.ts';

test('a command that does not end is ended, with all that it has begun', async () => {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line), debug: false });
  const startedMs = performance.now();
  await runOnFinish('sleep 100 & echo begun; sleep 100', { PATH: '/usr/bin:/bin' }, log, 300);
  assert.ok(performance.now() - startedMs < 30_000);
  assert.match(lines.join(''), /--on-finish: begun\n.*did not end within 0\.3 s, and was ended/s);
});

test('what is passed on of the environment is named, not guessed', () => {
  const given = finishEnvironment(
    {
      PATH: '/bin',
      LC_ALL: 'C',
      PGPASSWORD: 'x',
      AWS_SECRET_ACCESS_KEY: 'x',
      HTTPS_PROXY: 'x',
      ANCHORE_DB_CONNECT: 'x',
    },
    'migrate',
    3,
    undefined,
  );
  assert.deepEqual(given, {
    PATH: '/bin',
    LC_ALL: 'C',
    ANCHORE_MIGRATION_COMMAND: 'migrate',
    ANCHORE_MIGRATION_EXIT: '3',
    ANCHORE_MIGRATION_OUTCOME: 'not-begun',
  });
});
