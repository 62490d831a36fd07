import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { findPackage, OLDER_VERSIONS } from '../support/older-postgres.ts';
import { REPOSITORY } from '../support/source-files.ts';

/** What depends on the server: tables, locks, the protocol with its SQL, the commands on the real archive. */
const SUITES = [
  'src/database/advisory-lock.test.ts',
  'test/migration/rules.test.ts',
  'test/migration/rules-r10-to-r18.test.ts',
  'test/guide/one-leg.test.ts',
];

const runSuites = (env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> => {
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', ...SUITES], { cwd: REPOSITORY, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
};

describe('older PostgreSQL servers', () => {
  for (const version of Object.values(OLDER_VERSIONS)) {
    test(`tables, locks, protocol and commands on ${version.replace(/-.*/, '')}`, { timeout: 240_000 }, async () => {
      const { TEST_POSTGRES_URL: _, TEST_POSTGRES_BINARIES: __, NODE_TEST_CONTEXT: ___, ...rest } = process.env;
      const env = { ...rest, TEST_POSTGRES_PACKAGE: await findPackage(version) };
      const { code, output } = await runSuites(env);
      assert.equal(
        code,
        0,
        output
          .split('\n')
          .filter((line) => /not ok|error:|failureType|code:/.test(line))
          .join('\n'),
      );
      const passed = Number(/^# pass (\d+)$/m.exec(output)?.[1] ?? 0);
      assert.ok(passed >= 30, `only ${passed} tests passed`);
    });
  }
});
