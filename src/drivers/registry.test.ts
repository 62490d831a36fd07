import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { makeKey, payloadOf, textBytes } from './conformance/samples.ts';
import { DRIVERS, openDriver } from './registry.ts';
import { SECTIONS } from './sections.ts';

const SURROUNDINGS = { environment: {} };

describe('the registry', () => {
  test('describes every driver that a configuration can name', () => {
    assert.deepEqual(
      DRIVERS.map(({ name }) => name),
      Object.values(SECTIONS).map(({ driver }) => driver),
    );
    for (const { description } of DRIVERS) assert.notEqual(description, '');
  });

  test('loads the code of no driver, and of no client library, before one is opened', async () => {
    const script = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
      await import(${JSON.stringify(new URL('registry.ts', import.meta.url).href)});
      console.log(JSON.stringify(loaded));`;
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const loaded = JSON.parse(stdout) as readonly string[];
    assert.ok(loaded.some((url) => url.endsWith('/azure/config.ts')));
    const early = loaded.filter((url) => /\/driver\.ts$|\/node_modules\/(?!zod\/)/.test(url));
    assert.deepEqual(early, []);
  });

  test('opens a driver by its name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'test-registry-'));
    try {
      const options = {
        archiveDataDir: join(folder, 'archive'),
        owner: undefined,
        fileMode: undefined,
        folderMode: undefined,
      };
      await using driver = await openDriver({ name: 'localfs', options }, SURROUNDINGS);
      assert.equal(driver.name, 'localfs');
      await driver.prepare();
      await driver.put(makeKey(), payloadOf(textBytes('x')), { mode: 'create' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('two drivers on one space in memory share it', async () => {
    const config = { name: 'memory', options: { space: 'registry-test' } } as const;
    await using one = await openDriver(config, SURROUNDINGS);
    await using two = await openDriver(config, SURROUNDINGS);
    const key = makeKey();
    const { url } = await one.put(key, payloadOf(textBytes('shared')), { mode: 'create' });
    assert.equal((await two.head({ key, url }))?.sizeBytes, 6);
  });

  test('drivers in the database need one', async () => {
    for (const name of ['db', 'db2'] as const) {
      await assert.rejects(openDriver({ name, options: {} }, SURROUNDINGS), { code: 'internal' });
    }
  });
});
