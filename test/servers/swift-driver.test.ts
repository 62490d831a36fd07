import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { getRunning } from '../../scripts/servers/running.ts';
import { redact } from '../../src/core/secrets.ts';
import {
  makeBytes,
  makeKey,
  md5Of,
  payloadOf,
  readBytes,
  refOf,
  streamOf,
} from '../../src/drivers/conformance/samples.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import type { SwiftClient } from '../../src/drivers/swift/client.ts';
import type { SwiftOptions } from '../../src/drivers/swift/config.ts';
import { openSwiftDriver } from '../../src/drivers/swift/driver.ts';
import { listNames } from '../../src/drivers/swift/listing.ts';
import { openClient, swiftOptions } from './swift-subject.ts';

const SEGMENT_BYTES = 100_000;

/** TempAuth keeps its tokens in memcached, under the MD5 of such a name; this takes one away. */
const forgetToken = async (port: number, token: string): Promise<void> => {
  const socket = connect(port, '127.0.0.1');
  socket.write(`delete ${md5Of(Buffer.from(`AUTH_/token/${token}`))}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  assert.equal(String(answer), 'DELETED\r\n');
};

const open = (options: SwiftOptions): Promise<Driver> => openSwiftDriver(options, { environment: {} });

describe('the Swift driver on a real cluster', () => {
  let options: SwiftOptions;
  let driver: Driver;
  let client: SwiftClient & AsyncDisposable;

  before(async () => {
    options = await swiftOptions({ segmentSizeBytes: SEGMENT_BYTES });
    driver = await open(options);
    client = await openClient(options);
    await driver.prepare();
  });

  after(async () => {
    await driver[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
  });

  const namesIn = async (container: string): Promise<string[]> => {
    const names: string[] = [];
    for await (const { name } of listNames(client, container, '', undefined)) names.push(name);
    return names;
  };
  const segments = (): Promise<string[]> => namesIn(`${options.container}_segments`);
  const credentials = async (): Promise<Readonly<Record<string, string>>> => (await getRunning('swift')).credentials;

  test('the container keeps the case of its name', () => {
    assert.match(driver.locate(makeKey()), /^swift:\/\/Test-/);
  });

  test('preparing leaves nothing behind', async () => {
    await driver.prepare();
    assert.deepEqual(await namesIn(options.container), []);
  });

  test('a large object is proved, listed whole, and deleted with its segments', async () => {
    const bytes = makeBytes(450_000, 'large');
    const key = makeKey('large');
    const receipt = await driver.put(key, streamOf(bytes), { mode: 'create' });
    assert.equal(receipt.md5, md5Of(bytes));
    assert.equal((await segments()).length, 5);
    const listed = await Array.fromAsync(driver.list());
    assert.deepEqual(listed, [{ url: receipt.url, sizeBytes: bytes.length }]);
    const ref = refOf(key, receipt.url);
    assert.deepEqual(await driver.head(ref), { sizeBytes: bytes.length, md5: undefined });
    assert.deepEqual(await driver.delete([{ ref, md5: '0'.repeat(32) }]), [{ outcome: 'changed' }]);
    assert.equal((await segments()).length, 5);
    assert.deepEqual(await driver.delete([{ ref, md5: md5Of(bytes) }]), [{ outcome: 'deleted' }]);
    assert.deepEqual(await segments(), []);
    assert.deepEqual(await Array.fromAsync(driver.list()), []);
  });

  test('a large object that fails leaves no segments, whatever it failed of', async () => {
    const bytes = makeBytes(450_000, 'failing');
    const wrong = streamOf(bytes, { md5: '0'.repeat(32) });
    await assert.rejects(driver.put(makeKey(), wrong, { mode: 'create' }), { code: 'store.corrupt' });
    assert.deepEqual(await segments(), []);
    const stop = new AbortController();
    const stopped = {
      ...streamOf(bytes),
      open: async function* () {
        yield bytes.subarray(0, 250_000);
        stop.abort(new Error('stopped by the test'));
        yield bytes.subarray(250_000);
      },
    };
    await assert.rejects(driver.put(makeKey(), stopped, { mode: 'create', signal: stop.signal }), {
      code: 'interrupted',
    });
    assert.deepEqual(await segments(), []);
  });

  test('what takes the place of a large object takes its segments away', async () => {
    const key = makeKey();
    const large = makeBytes(250_000, 'replaced');
    await driver.put(key, payloadOf(large), { mode: 'create' });
    await driver.put(key, payloadOf(makeBytes(450_000, 'larger')), { mode: 'replace' });
    assert.equal((await segments()).length, 5);
    const { url } = await driver.put(key, payloadOf(makeBytes(10, 'small')), { mode: 'replace' });
    assert.deepEqual(await segments(), []);
    await driver.delete([{ ref: refOf(key, url), md5: undefined }]);
  });

  test('a static large object made of documents loses none of them', async () => {
    const keys = ['part-a', 'part-b'].map((id) => makeKey(id));
    const parts = keys.map((key) => makeBytes(50_000, key.archiveId));
    const urls: string[] = [];
    for (const [index, key] of keys.entries()) {
      urls.push((await driver.put(key, payloadOf(parts[index] ?? new Uint8Array(0)), { mode: 'create' })).url);
    }
    const manifest = urls.map((url) => ({ path: url.replace('swift:/', '') }));
    const whole = makeKey('whole');
    const url = driver.locate(whole);
    const name = url.slice(`swift://${options.container}/`.length);
    await client.sendText({
      method: 'PUT',
      container: options.container,
      name,
      query: { 'multipart-manifest': 'put' },
      body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(manifest)) },
    });
    const ref = refOf(whole, url);
    assert.deepEqual(Buffer.from(await readBytes(await driver.get(ref))), Buffer.concat(parts));
    assert.deepEqual(await driver.delete([{ ref, md5: undefined }]), [{ outcome: 'deleted' }]);
    for (const [index, key] of keys.entries()) {
      assert.equal((await driver.head(refOf(key, urls[index] ?? '')))?.md5, md5Of(parts[index] ?? new Uint8Array(0)));
    }
    await driver.delete(keys.map((key, index) => ({ ref: refOf(key, urls[index] ?? ''), md5: undefined })));
  });

  test('a dynamic large object is read whole, and its MD5 is not made up', async () => {
    const bytes = makeBytes(60_000, 'dynamic');
    const container = `${options.container}_dynamic`;
    await client.sendText({ method: 'PUT', container });
    for (const [index, start] of [0, 20_000, 40_000].entries()) {
      const body = { kind: 'bytes', bytes: bytes.subarray(start, start + 20_000) } as const;
      await client.sendText({ method: 'PUT', container, name: `pieces/${index}`, body });
    }
    const key = makeKey('dynamic');
    const url = driver.locate(key);
    await client.sendText({
      method: 'PUT',
      container: options.container,
      name: url.slice(`swift://${options.container}/`.length),
      headers: { 'x-object-manifest': `${container}/pieces/` },
      body: { kind: 'bytes', bytes: new Uint8Array(0) },
    });
    const ref = refOf(key, url);
    assert.equal(md5Of(await readBytes(await driver.get(ref))), md5Of(bytes));
    assert.deepEqual(await driver.head(ref), { sizeBytes: bytes.length, md5: undefined });
    assert.deepEqual(await driver.delete([{ ref, md5: md5Of(bytes) }]), [{ outcome: 'deleted' }]);
  });

  test('many objects go in bulk, whatever their names', async () => {
    const keys = ['plain', 'with space', 'a%2Fb', 'a/../b', 'ü#?+&', 'a//b', '😀', "quote'(*)!~", 'new\nline'].map(
      (id) => makeKey(id, 'bulk'),
    );
    const items = await Promise.all(
      keys.map(async (key) => {
        const bytes = makeBytes(100, key.archiveId);
        const { url } = await driver.put(key, payloadOf(bytes), { mode: 'create' });
        return { ref: refOf(key, url), md5: md5Of(bytes) };
      }),
    );
    assert.deepEqual(
      await driver.delete(items),
      items.map(() => ({ outcome: 'deleted' })),
    );
    for (const { ref } of items) assert.equal(await driver.head(ref), undefined);
  });

  test('rows that name another container are read from there', async () => {
    const other = await open({ ...options, container: `${options.container}-Other` });
    await other.prepare();
    const key = makeKey();
    const bytes = makeBytes(100, 'elsewhere');
    const { url } = await other.put(key, payloadOf(bytes), { mode: 'create' });
    assert.equal(md5Of(await readBytes(await driver.get(refOf(key, url)))), md5Of(bytes));
    assert.deepEqual(await driver.delete([{ ref: refOf(key, url), md5: md5Of(bytes) }]), [{ outcome: 'deleted' }]);
    await other[Symbol.asyncDispose]();
  });

  test('a container that is missing is not an object that is absent', async () => {
    const missing = await open({ ...options, container: `${options.container}-missing`, createContainer: false });
    const key = makeKey();
    const ref = refOf(key, missing.locate(key));
    const code = 'store.container-missing';
    await assert.rejects(missing.prepare(), { code });
    await assert.rejects(missing.head(ref), { code });
    await assert.rejects(missing.get(ref), { code });
    await assert.rejects(missing.put(key, payloadOf(makeBytes(10, 'x')), { mode: 'create' }), { code });
    const [outcome] = await missing.delete([{ ref, md5: undefined }]);
    assert.equal(outcome?.outcome === 'failed' && outcome.error.code, code);
    await assert.rejects(Array.fromAsync(missing.list()), { code });
    assert.equal((await missing.inspect())[0]?.error.code, code);
    await missing[Symbol.asyncDispose]();
  });

  test('credentials that are wrong name the user and not the key', async () => {
    const { authUrl: url = '' } = await credentials();
    const wrong = await open({ ...options, auth: { version: 1, url, user: 'test:tester', key: 'wrong-key-123' } });
    await assert.rejects(wrong.prepare(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'store.credentials');
      assert.match(error.message, /test:tester/);
      assert.doesNotMatch(error.message, /wrong-key/);
      return true;
    });
    assert.equal(redact('wrong-key-123'), '****');
    await wrong[Symbol.asyncDispose]();
  });

  test('who may not, is told so', async () => {
    const { authUrl: url = '', key = '' } = await credentials();
    const { storageUrl } = await client.access();
    const reader = await open({ ...options, auth: { version: 1, url, user: 'test:reader', key }, storageUrl });
    await assert.rejects(reader.head(refOf(makeKey(), driver.locate(makeKey()))), { code: 'store.denied' });
    assert.equal((await reader.inspect())[0]?.error.code, 'store.denied');
    await reader[Symbol.asyncDispose]();
  });

  test('a token that was given and is not accepted cannot be renewed', async () => {
    const { storageUrl } = await client.access();
    const stale = await open({ ...options, auth: { version: 'token', storageUrl, token: 'AUTH_tk_stale' } });
    await assert.rejects(stale.prepare(), { code: 'store.credentials' });
    await stale[Symbol.asyncDispose]();
  });

  test('a token that the cluster has forgotten is renewed', async () => {
    const own = await openClient(options);
    const before = await own.access();
    await forgetToken((await getRunning('swift')).ports['memcached'] ?? 0, before.token);
    await own.sendText({ method: 'HEAD', container: options.container });
    assert.notEqual((await own.access()).token, before.token);
    await own[Symbol.asyncDispose]();
  });

  test('quotas and versions are told, and a full container says so', async () => {
    const { container } = options;
    const quota = `${container}-quota`;
    const headers = { 'x-container-meta-quota-bytes': '5000', 'x-versions-enabled': 'true' };
    await client.sendText({ method: 'PUT', container: quota, headers });
    const narrow = await open({ ...options, container: quota });
    const conditions = await narrow.inspect();
    assert.deepEqual(
      conditions.map(({ error }) => error.code),
      ['store.versioned', 'store.full'],
    );
    await assert.rejects(narrow.put(makeKey(), payloadOf(makeBytes(6_000, 'x')), { mode: 'create' }), {
      code: 'store.full',
    });
    await narrow[Symbol.asyncDispose]();
  });

  test('of the same object, one name: identity does not depend on how the account is written', async () => {
    const { storageUrl } = await client.access();
    const other = await open({ ...options, storageUrl: `${storageUrl.replace('http', 'HTTP')}//` });
    assert.deepEqual(await other.identify(), await driver.identify());
    await other[Symbol.asyncDispose]();
  });
});
