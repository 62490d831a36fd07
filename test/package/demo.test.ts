import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { REPOSITORY } from '../support/source-files.ts';

const run = promisify(execFile);

/** Every document read back, there and back again. */
const assertShown = (transcript: string): void => {
  assert.equal(transcript.match(/All 7 documents read back through .* with the right SHA-256/g)?.length, 2, transcript);
  assert.match(transcript, /Where everything lies, and what to type next/);
};

describe('the demo', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'test-demo-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const demo = async (...args: readonly string[]): Promise<string> => {
    const script = join(REPOSITORY, 'scripts/demo.ts');
    const { stdout } = await run(process.execPath, [script, '--folder', join(folder, 'data'), ...args]);
    return stdout;
  };

  test('shows the main job', async () => assertShown(await demo()));

  test('shows it with the standalone executable, without Node and without a PATH', async () => {
    const target = join(folder, 'standalone');
    await run(process.execPath, [join(REPOSITORY, 'scripts/build-standalone.ts'), target]);
    const manager = join(target, 'anchore-manager');
    assertShown(await demo('--manager', manager));

    const environment = { env: { PATH: '' } };
    const { stdout: help } = await run(manager, ['archivestorage', 'migrate', '--help'], environment);
    assert.match(help, /^Usage: anchore-manager archivestorage migrate /);
    const whole = join(target, 'anchore-archive-mover');
    assert.ok((await stat(whole)).size < 200_000_000);
    for (const command of ['anchore-manager', 'anchore-engine', 'anchore-cli'])
      assert.match((await run(whole, [command, '--version'], environment)).stdout, /^\d+\.\d+\.\d+\n$/);
    await assert.rejects(run(whole, [], environment), { code: 2 });
  });
});
