import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getRunning } from '../../scripts/servers/running.ts';
import { makeBytes, makeKey, md5Of, readBytes, refOf, payloadOf } from '../../src/drivers/conformance/samples.ts';
import { openSwiftDriver } from '../../src/drivers/swift/driver.ts';
import { faultsFromSeed } from '../../src/drivers/wrappers/faults.ts';
import { injectFaults } from '../../src/drivers/wrappers/inject-faults.ts';
import { retryDriver } from '../../src/drivers/wrappers/retry.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { networkFaultCases, type Subject } from './network-faults.ts';
import { swiftOptions } from './swift-subject.ts';

const TIMEOUTS = { connectMs: 2_000, headersMs: 5_000, bodyMs: 1_000 };

/** The account's own address, as the cluster gives it to whoever enters. */
const findStorageUrl = async (): Promise<URL> => {
  const { authUrl = '', user = '', key = '' } = (await getRunning('swift')).credentials;
  const answer = await fetch(authUrl, {
    headers: { 'x-storage-user': user, 'x-storage-pass': key, 'x-auth-user': user, 'x-auth-key': key },
  });
  return new URL(answer.headers.get('x-storage-url') ?? '');
};

const open = async (): Promise<Subject> => {
  const url = await findStorageUrl();
  const proxy = await startTcpProxy(Number(url.port));
  url.port = String(proxy.port);
  const options = await swiftOptions({ storageUrl: url.href });
  const driver = await openSwiftDriver(options, { environment: {}, timeouts: TIMEOUTS });
  await driver.prepare();
  return { driver, proxy };
};

networkFaultCases('swift', open, [1000, 300_000], (subject) => {
  test('errors before and after the effect, at random: retries bring every document through', async () => {
    const { driver } = subject();
    const script = faultsFromSeed(17, [
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
