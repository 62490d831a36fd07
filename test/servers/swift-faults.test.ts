import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRunning } from '../../scripts/servers/running.ts';
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
import { openSwiftDriver } from '../../src/drivers/swift/driver.ts';
import { faultsFromSeed } from '../../src/drivers/wrappers/faults.ts';
import { injectFaults } from '../../src/drivers/wrappers/inject-faults.ts';
import { retryDriver } from '../../src/drivers/wrappers/retry.ts';
import { startTcpProxy, type Alter, type TcpProxy } from '../support/tcp-proxy.ts';
import { swiftOptions } from './swift-subject.ts';

const TIMEOUTS = { connectMs: 2_000, headersMs: 5_000, bodyMs: 1_000 };

const untouched: Alter = (_, piece) => piece;

/** The account's own address, as the cluster gives it to whoever enters. */
const findStorageUrl = async (): Promise<URL> => {
  const { authUrl = '', user = '', key = '' } = (await getRunning('swift')).credentials;
  const answer = await fetch(authUrl, {
    headers: { 'x-storage-user': user, 'x-storage-pass': key, 'x-auth-user': user, 'x-auth-key': key },
  });
  return new URL(answer.headers.get('x-storage-url') ?? '');
};

/** What the driver does where the network between it and a real Swift is at fault. */
describe('swift behind a bad network', () => {
  let proxy: TcpProxy;
  let driver: Driver;

  before(async () => {
    const url = await findStorageUrl();
    proxy = await startTcpProxy(Number(url.port));
    url.port = String(proxy.port);
    driver = await openSwiftDriver(await swiftOptions({ storageUrl: url.href }), {
      environment: {},
      timeouts: TIMEOUTS,
    });
    await driver.prepare();
  });
  after(async () => {
    await driver[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  const recovers = async (key = makeKey(), bytes = makeBytes(1000, 'again')): Promise<void> => {
    proxy.alter = untouched;
    assert.equal(await driver.head(refOf(key, driver.locate(key))), undefined);
    const { url } = await driver.put(key, payloadOf(bytes), { mode: 'create' });
    assert.equal(md5Of(await readBytes(await driver.get(refOf(key, url)))), md5Of(bytes));
  };

  for (const sizeBytes of [1000, 300_000]) {
    test(`a body of ${sizeBytes} bytes that is corrupted on its way is refused`, async () => {
      const bytes = makeBytes(sizeBytes, `corrupted ${sizeBytes}`);
      const marker = Buffer.from(bytes.subarray(500, 520));
      const key = makeKey();
      proxy.alter = (direction, piece) => {
        const at = direction === 'request' ? piece.indexOf(marker) : -1;
        if (at >= 0) piece.writeUInt8(piece.readUInt8(at) ^ 1, at);
        return piece;
      };
      const refused = driver.put(key, payloadOf(bytes), { mode: 'create' });
      await assert.rejects(refused, { code: 'store.corrupt', retryable: true });
      await recovers(key);
    });
  }

  test('a connection that is cut while a body is sent', async () => {
    const key = makeKey();
    proxy.alter = (direction, piece, offset) => (direction === 'request' && offset > 1_000_000 ? 'cut' : piece);
    const cut = driver.put(key, streamOf(makeBytes(3_000_000, 'cut')), { mode: 'create' });
    await assert.rejects(cut, { code: 'store.unreachable', retryable: true });
    await recovers(key);
  });

  test('an answer that is cut, and one that stops coming', async () => {
    proxy.alter = untouched;
    const bytes = makeBytes(3_000_000, 'answer');
    const key = makeKey();
    const { url } = await driver.put(key, payloadOf(bytes), { mode: 'create' });
    for (const [fault, code] of [
      ['cut', 'store.unreachable'],
      ['hold', 'store.timeout'],
    ] as const) {
      let passed = 0;
      proxy.alter = (direction, piece) => {
        if (direction === 'request') return piece;
        passed += piece.length;
        return passed > 1_000_000 ? fault : piece;
      };
      await assert.rejects(async () => readBytes(await driver.get(refOf(key, url))), { code, retryable: true });
    }
    proxy.alter = untouched;
    assert.equal(md5Of(await readBytes(await driver.get(refOf(key, url)))), md5Of(bytes));
  });

  test('an answer that is lost: a second creation finds what the first one left', async () => {
    const bytes = makeBytes(1000, 'lost');
    const key = makeKey();
    const marker = Buffer.from(bytes.subarray(500, 520));
    let isSent = false;
    // Not the answer to the look that comes first: the one to the body itself.
    proxy.alter = (direction, piece) => {
      if (direction === 'request' && piece.includes(marker)) isSent = true;
      return direction === 'response' && isSent ? 'cut' : piece;
    };
    await assert.rejects(driver.put(key, payloadOf(bytes), { mode: 'replace' }), { code: 'store.unreachable' });
    proxy.alter = untouched;
    // The write may still be under way in the cluster when its connection is gone (rule R9).
    for (let tries = 0; tries < 100 && (await driver.head(refOf(key, driver.locate(key)))) === undefined; tries += 1) {
      await sleep(50);
    }
    await assert.rejects(driver.put(key, payloadOf(bytes), { mode: 'create' }), { code: 'store.exists' });
    const [outcome] = await driver.delete([{ ref: refOf(key, driver.locate(key)), md5: md5Of(bytes) }]);
    assert.deepEqual(outcome, { outcome: 'deleted' });
  });

  test('errors before and after the effect, at random: retries bring every document through', async () => {
    proxy.alter = untouched;
    const script = faultsFromSeed(20261123, [
      { rate: 0.15, fault: { kind: 'error', when: 'before', code: 'store.busy' } },
      { rate: 0.15, fault: { kind: 'error', when: 'after', code: 'store.unreachable' } },
    ]);
    const enduring = retryDriver(injectFaults(driver, script), { baseDelayMs: 1, maxDelayMs: 10, totalMs: 30_000 });
    for (let index = 0; index < 20; index += 1) {
      const [key, bytes] = [makeKey(), makeBytes(2000 + index, `faulty ${index}`)];
      const { url } = await enduring.put(key, payloadOf(bytes), { mode: 'replace' });
      assert.equal(md5Of(await readBytes(await enduring.get(refOf(key, url)))), md5Of(bytes));
      const [outcome] = await enduring.delete([{ ref: refOf(key, url), md5: md5Of(bytes) }]);
      assert.ok(outcome?.outcome === 'deleted' || outcome?.outcome === 'absent', outcome?.outcome);
    }
  });
});
