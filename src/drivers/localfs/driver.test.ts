import { spawnSync } from 'node:child_process';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { isAppError } from '../../core/errors.ts';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf, streamOf, textBytes } from '../conformance/samples.ts';
import type { Driver, ObjectRef } from '../contract.ts';
import type { LocalfsOptions } from './config.ts';
import { openLocalfsDriver } from './driver.ts';
import { toStoreError } from './failure.ts';
import { findEphemeralKind } from './inspect.ts';
import { makeTemporaryName, STALE_AFTER_MS } from './temporary-files.ts';

const KEY = {
  userId: 'admin',
  bucket: 'policy_bundles',
  archiveId: '2c53a13c-1765-11e8-82ef-23527761d060',
  documentName: 'x.json',
};
/** As Anchore Engine computes it: the MD5 of the user, the bucket, two digits and all of the MD5 of the archive id. */
const RELATIVE = `${md5Of(textBytes('admin'))}/policy_bundles/${md5Of(textBytes(KEY.archiveId)).slice(0, 2)}/${md5Of(textBytes(KEY.archiveId))}.json`;

let folder: string;
let root: string;

const open = async (options: Partial<LocalfsOptions> = {}): Promise<Driver> =>
  openLocalfsDriver({ archiveDataDir: root, owner: undefined, fileMode: undefined, folderMode: undefined, ...options });

const openPrepared = async (options: Partial<LocalfsOptions> = {}): Promise<Driver> => {
  const driver = await open(options);
  await driver.prepare();
  return driver;
};

const put = async (driver: Driver, key = KEY, text = 'the document'): Promise<ObjectRef> =>
  refOf(key, (await driver.put(key, payloadOf(textBytes(text)), { mode: 'create' })).url);

const filesBelow = async (path: string): Promise<readonly string[]> =>
  (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map((entry) => entry.name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'test-localfs-'));
  root = join(folder, 'archive');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('where documents lie', () => {
  test('the path and the URL are those of Anchore Engine', async () => {
    const driver = await openPrepared();
    const { url } = await put(driver);
    assert.equal(url, `file://${root}/${RELATIVE}`);
    assert.equal(await readFile(join(root, RELATIVE), 'utf8'), 'the document');
  });

  test('a slash at the end of the folder is not doubled, and another form of the path is the same object', async () => {
    const driver = await openPrepared({ archiveDataDir: `${root}/` });
    const { url } = await put(driver);
    assert.equal(url, `file://${root}/${RELATIVE}`);
    const longer = refOf(KEY, `file://${dirname(root)}/./archive/${RELATIVE}`);
    assert.equal(driver.objectId(longer), driver.objectId(refOf(KEY, url)));
  });

  test('a row that names another folder is read and deleted there', async () => {
    const elsewhere = join(folder, 'before');
    const old = await openPrepared({ archiveDataDir: elsewhere });
    const ref = await put(old);
    const driver = await openPrepared();
    assert.equal(md5Of(await readBytes(await driver.get(ref))), md5Of(textBytes('the document')));
    const other = refOf(makeKey(), ref.url);
    const [refused] = await driver.delete([{ ref: other, md5: undefined }]);
    assert.ok(refused?.outcome === 'failed' && isAppError(refused.error, 'store.unsafe-path'));
    assert.deepEqual(await driver.delete([{ ref, md5: undefined }]), [{ outcome: 'deleted' }]);
    assert.deepEqual(await readdir(elsewhere), []);
  });

  test('modes are applied to what is made, not to what is there', async () => {
    const driver = await openPrepared({ fileMode: 0o604, folderMode: 0o705 });
    await put(driver);
    assert.equal((await stat(join(root, RELATIVE))).mode & 0o777, 0o604);
    assert.equal((await stat(dirname(join(root, RELATIVE)))).mode & 0o777, 0o705);
    assert.equal((await stat(root)).mode & 0o777, 0o705);
  });
});

describe('nothing outside, no symbolic link', () => {
  test('a URL that climbs is refused', async () => {
    const driver = await openPrepared();
    await writeFile(join(folder, 'secret.json'), 'secret');
    for (const path of [`${root}/../secret.json`, `${root}/a/./b`, `${folder}/x/../a/b/c/d.json`]) {
      await assert.rejects(driver.get(refOf(KEY, `file://${path}`)), { code: 'store.unsafe-path' }, path);
    }
    await assert.rejects(driver.get(refOf(KEY, 'file://')), { code: 'store.invalid-url' });
  });

  test('a link in the place of the file, or of a folder above it, is not followed', async () => {
    const driver = await openPrepared();
    const ref = await put(driver);
    const path = join(root, RELATIVE);
    const moved = join(folder, 'moved');
    for (const linked of [path, dirname(path), dirname(dirname(path)), dirname(dirname(dirname(path)))]) {
      await rename(linked, moved);
      await symlink(moved, linked);
      await assert.rejects(driver.get(ref), { code: 'store.unsafe-path' });
      await assert.rejects(driver.head(ref), { code: 'store.unsafe-path' });
      const [outcome] = await driver.delete([{ ref, md5: undefined }]);
      assert.equal(outcome?.outcome, 'failed');
      await assert.rejects(
        async () => {
          for await (const object of driver.list()) assert.ok(object);
        },
        { code: 'store.unsafe-path' },
      );
      if (linked !== path) {
        const beside = { ...KEY, archiveId: KEY.archiveId };
        await assert.rejects(driver.put(beside, payloadOf(textBytes('x')), { mode: 'replace' }), {
          code: 'store.unsafe-path',
        });
      }
      await rm(linked);
      await rename(moved, linked);
    }
    assert.equal((await driver.head(ref))?.sizeBytes, 12);
  });

  test('a replacement takes the place of a link instead of writing through it', async () => {
    const driver = await openPrepared();
    await put(driver);
    const target = join(folder, 'target');
    await writeFile(target, 'untouched');
    await rm(join(root, RELATIVE));
    await symlink(target, join(root, RELATIVE));
    await assert.rejects(driver.put(KEY, payloadOf(textBytes('x')), { mode: 'create' }), { code: 'store.exists' });
    await driver.put(KEY, payloadOf(textBytes('new')), { mode: 'replace' });
    assert.equal(await readFile(target, 'utf8'), 'untouched');
    assert.equal(await readFile(join(root, RELATIVE), 'utf8'), 'new');
  });

  test('the root itself may be reached through a link', async () => {
    await mkdir(join(folder, 'volume'));
    await symlink(join(folder, 'volume'), root);
    const driver = await openPrepared();
    const ref = await put(driver);
    assert.equal((await driver.head(ref))?.sizeBytes, 12);
    const direct = await open({ archiveDataDir: join(folder, 'volume') });
    assert.equal((await direct.identify()).fingerprint, (await driver.identify()).fingerprint);
  });
});

describe('a folder that is not the one it was', () => {
  test('what is absent in it is not absent', async () => {
    const driver = await openPrepared();
    const ref = await put(driver);
    await rename(root, join(folder, 'unmounted'));
    const attempts = [
      () => driver.get(ref),
      () => driver.head(ref),
      () => driver.identify(),
      () => driver.prepare(),
      () => driver.put(makeKey(), payloadOf(textBytes('x')), { mode: 'create' }),
      async () => {
        for await (const object of driver.list()) assert.ok(object);
      },
      async () => {
        const [outcome] = await driver.delete([{ ref, md5: undefined }]);
        if (outcome?.outcome === 'failed') throw outcome.error;
      },
    ];
    for (const attempt of attempts) await assert.rejects(attempt, { code: 'store.unmounted' });
    await mkdir(root);
    for (const attempt of attempts) await assert.rejects(attempt, { code: 'store.unmounted' });
    assert.deepEqual(await readdir(root), []);
  });

  test('a root that never was is missing, until it is prepared', async () => {
    const driver = await open();
    await assert.rejects(driver.get(refOf(KEY, driver.locate(KEY))), { code: 'store.container-missing' });
    await assert.rejects(driver.identify(), { code: 'store.container-missing' });
    await driver.prepare();
    assert.equal(await driver.head(refOf(KEY, driver.locate(KEY))), undefined);
  });
});

describe('what is left behind', () => {
  test('a write that fails leaves no file', async () => {
    const driver = await openPrepared();
    await assert.rejects(
      driver.put(KEY, streamOf(makeBytes(300_000, 'a'), { sizeBytes: 300_001 }), { mode: 'create' }),
      {
        code: 'store.corrupt',
      },
    );
    await put(driver);
    await assert.rejects(driver.put(KEY, payloadOf(textBytes('y')), { mode: 'create' }), { code: 'store.exists' });
    await driver.bulk?.put([{ key: KEY, payload: payloadOf(textBytes('y')) }], { mode: 'create' });
    assert.equal((await filesBelow(root)).length, 1);
  });

  test('files that a kill left are ignored, and go when they are old', async () => {
    const driver = await openPrepared();
    await put(driver);
    const hash = dirname(join(root, RELATIVE));
    const names = [join(hash, `.anchore-put-${'a'.repeat(24)}.tmp`), join(root, `.anchore-put-${'c'.repeat(24)}.tmp`)];
    const young = join(hash, `.anchore-put-${'b'.repeat(24)}.tmp`);
    const foreign = join(hash, 'notes.txt');
    for (const path of [...names, young, foreign]) await writeFile(path, 'left');
    const longAgo = new Date(Date.now() - 2 * STALE_AFTER_MS);
    for (const path of [...names, foreign]) await utimes(path, longAgo, longAgo);
    const listed = await Array.fromAsync(driver.list());
    assert.equal(listed.length, 1);
    await (await open()).prepare();
    assert.deepEqual(names.map(existsSync), [false, false]);
    assert.deepEqual([young, foreign].map(existsSync), [true, true]);
  });

  test('what a killed process was writing goes at once', async () => {
    await openPrepared();
    const script = `import { makeTemporaryName } from ${JSON.stringify(new URL('./temporary-files.ts', import.meta.url).href)}; console.log(makeTemporaryName());`;
    const dead = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stdout.trim();
    const [left, alive] = [join(root, dead), join(root, makeTemporaryName())];
    for (const path of [left, alive]) await writeFile(path, 'left');
    await (await open()).prepare();
    assert.deepEqual([left, alive].map(existsSync), [false, true]);
  });

  test('folders that have become empty go with the last document', async () => {
    const driver = await openPrepared();
    const ref = await put(driver);
    const second = await put(driver, makeKey(), 'another');
    await driver.delete([{ ref, md5: undefined }]);
    assert.equal(existsSync(dirname(join(root, RELATIVE))), false);
    await driver.delete([{ ref: second, md5: undefined }]);
    assert.deepEqual(await readdir(root), []);
    assert.equal((await driver.head(await put(driver)))?.sizeBytes, 12);
  });

  test('writing and deleting in the same folders do not disturb each other', async () => {
    const writer = await openPrepared();
    const deleter = await open();
    const lanes = Array.from({ length: 6 }, async (_, lane) => {
      for (let round = 0; round < 15; round += 1) {
        const ref = await put(writer, { ...makeKey(`lane-${lane}-${round}`, 'shared') }, 'short-lived');
        assert.deepEqual(await deleter.delete([{ ref, md5: md5Of(textBytes('short-lived')) }]), [
          { outcome: 'deleted' },
        ]);
      }
    });
    await Promise.all(lanes);
    assert.deepEqual(await filesBelow(root), []);
  });
});

describe('what stands in the way', () => {
  test('a root that holds foreign files is refused, and they are named', async () => {
    await mkdir(root);
    await mkdir(join(root, 'lost+found'));
    for (let index = 1; index < 8; index += 1) await writeFile(join(root, `photo-${index}.jpg`), '');
    const driver = await open();
    await assert.rejects(driver.prepare(), (error) => {
      assert.ok(isAppError(error, 'refused.foreign-files'));
      assert.equal(error.message.match(/photo-\d\.jpg/g)?.length, 5);
      return true;
    });
    for (const name of await filesBelow(root)) await rm(join(root, name));
    await driver.prepare();
  });

  test('a file where a folder should be, and a name that is too long', async () => {
    const driver = await openPrepared();
    await writeFile(join(root, md5Of(textBytes('admin'))), '');
    await assert.rejects(put(driver), { code: 'store.failed' });
    await rm(join(root, md5Of(textBytes('admin'))));
    await assert.rejects(put(driver, makeKey('a', 'b'.repeat(300))), { code: 'store.invalid-url' });
    await assert.rejects(
      openLocalfsDriver({
        archiveDataDir: join(folder, 'x'.repeat(300)),
        owner: undefined,
        fileMode: undefined,
        folderMode: undefined,
      }),
      {
        code: 'store.invalid-url',
      },
    );
  });

  for (const [errno, code] of Object.entries({
    ENOSPC: 'store.full',
    EDQUOT: 'store.full',
    EACCES: 'store.denied',
    EPERM: 'store.denied',
    EROFS: 'store.read-only',
    ELOOP: 'store.unsafe-path',
    ENAMETOOLONG: 'store.invalid-url',
    EMFILE: 'store.busy',
    EIO: 'store.failed',
    EUNKNOWNTOUS: 'store.failed',
  })) {
    test(`${errno} is ${code}`, () => {
      const error = toStoreError(Object.assign(new Error(errno), { code: errno }), '/some/path');
      assert.ok(isAppError(error));
      assert.equal(error.code, code);
      assert.match(error.message, /\/some\/path/);
    });
  }

  test('errors of others stay as they are', () => {
    const errors = [new Error('payload'), Object.assign(new Error('x'), { code: 'ERR_STREAM' }), 'text'];
    for (const error of errors) assert.equal(toStoreError(error, '/p'), error);
  });

  test('a folder in memory or in a container layer is refused, unless forced', async () => {
    assert.deepEqual([0x794c7630, 0x01021994, 0x858458f6, 0x858458f6 | 0, 0xef53].map(findEphemeralKind), [
      'overlay',
      'tmpfs',
      'ramfs',
      'ramfs',
      undefined,
    ]);
    const conditions = await (await open()).inspect();
    const expected = findEphemeralKind((await statfs(folder)).type) === undefined ? [] : ['refused.ephemeral-store'];
    assert.deepEqual(
      conditions.map(({ error }) => error.code),
      expected,
    );
    assert.ok(conditions.every(({ severity, forceable }) => severity === 'refuse' && forceable));
  });
});
