import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAppError } from '../core/errors.ts';
import { lockFolder } from './folder-lock.ts';

const CONTENDER = `
  import { lockFolder } from ${JSON.stringify(new URL('./folder-lock.ts', import.meta.url).href)};
  try {
    await lockFolder(process.argv[1]);
    process.stdout.write('held');
    setInterval(() => undefined, 1000);
  } catch (error) {
    process.stdout.write(error.code);
  }
`;

test('of processes that race for a folder one gets it, and its death frees it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'test-lock-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (let round = 0; round < 2; round += 1) {
    const contenders = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', CONTENDER, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    const answers = await Promise.all(contenders.map(async (child) => String((await once(child.stdout, 'data'))[0])));
    assert.deepEqual(answers.toSorted(), ['held', ...Array<string>(3).fill('refused.embedded-in-use')].toSorted());
    for (const child of contenders) {
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGKILL');
      await exited;
    }
  }
});

test('a lock is given back, and leaves nothing but what a kill leaves', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'test-lock-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (let round = 0; round < 3; round += 1) {
    await using lock = await lockFolder(folder);
    assert.equal(lock.folder, folder);
    await assert.rejects(lockFolder(folder), (error) => isAppError(error, 'refused.embedded-in-use'));
  }
  assert.deepEqual(await readdir(folder), []);
});
