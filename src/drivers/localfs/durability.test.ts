import assert from 'node:assert/strict';
import { mkdtemp, open, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { makeKey, payloadOf, readBytes, refOf, textBytes } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import { openLocalfsDriver } from './driver.ts';

interface Syncing {
  readonly fd: number;
  readonly sync: (this: Syncing) => Promise<void>;
}

let folder: string;
let root: string;
let driver: Driver;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-durability-'));
  root = join(folder, 'archive');
  driver = await openLocalfsDriver({
    archiveDataDir: root,
    owner: undefined,
    fileMode: undefined,
    folderMode: undefined,
  });
  await driver.prepare();
});
afterEach(async () => {
  mock.restoreAll();
  await rm(folder, { recursive: true, force: true });
});

/** Looks on at each fsync of this process, after or instead of it. */
const watchSyncs = async (see: (path: string, sync: () => Promise<void>) => Promise<void>): Promise<void> => {
  await using any = await open(folder, 'r');
  const prototype = Object.getPrototypeOf(any) as Syncing;
  const { sync } = prototype;
  mock.method(prototype, 'sync', async function (this: Syncing) {
    await see(await readlink(`/proc/self/fd/${this.fd}`), () => sync.call(this));
  });
};

describe('what a put has acknowledged is on the disk', () => {
  test('its file first, then its name, and every folder that was made for it', async () => {
    const synced: string[] = [];
    await watchSyncs(async (path, sync) => {
      await sync();
      synced.push(relative(root, path));
    });
    const key = makeKey();
    const { url } = await driver.put(key, payloadOf(textBytes('a document')), { mode: 'create' });
    const name = relative(root, new URL(url).pathname);
    const file = synced.findIndex((path) => path.includes('.anchore-put-'));
    const last = synced.lastIndexOf(dirname(name));
    assert.ok(file !== -1 && last > file, synced.join(', '));
    for (let path = dirname(name); path !== '.'; path = dirname(path)) {
      const parent = dirname(path) === '.' ? '' : dirname(path);
      assert.ok(synced.includes(parent), `the entry of ${path} was not synced: ${synced.join(', ')}`);
    }
  });

  test('a failed fsync fails the put, and the next attempt starts a new file', async () => {
    const failed: string[] = [];
    await watchSyncs(async (path, sync) => {
      if (failed.length === 0 && path.includes('.anchore-put-')) {
        failed.push(path);
        throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', errno: -5, syscall: 'fsync' });
      }
      if (path.includes('.anchore-put-')) assert.notEqual(path, failed[0]);
      await sync();
    });
    const key = makeKey();
    const payload = payloadOf(textBytes('a document'));
    await assert.rejects(driver.put(key, payload, { mode: 'create' }), { code: 'store.failed' });
    const ref = refOf(key, driver.locate(key));
    assert.equal(await driver.head(ref), undefined);
    const left = await readdir(root, { recursive: true, withFileTypes: true });
    assert.deepEqual(
      left.filter((entry) => !entry.isDirectory()).map((entry) => entry.name),
      [],
    );
    await driver.put(key, payload, { mode: 'create' });
    assert.equal(Buffer.from(await readBytes(await driver.get(ref))).toString(), 'a document');
  });
});

test('a root in memory is refused, unless forced', async () => {
  const inMemory = await openLocalfsDriver({
    archiveDataDir: '/dev/shm/test-durability/archive',
    owner: undefined,
    fileMode: undefined,
    folderMode: undefined,
  });
  const conditions = await inMemory.inspect(); // makes nothing
  assert.deepEqual(
    conditions.map(({ severity, concerns, forceable, error }) => [severity, concerns, forceable, error.code]),
    [['refuse', 'writing', true, 'refused.ephemeral-store']],
  );
});
