import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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
import type { Alter, TcpProxy } from '../support/tcp-proxy.ts';

/** A driver whose way to a real server goes through a proxy. */
export interface Subject {
  readonly driver: Driver;
  readonly proxy: TcpProxy;
}

const untouched: Alter = (_, piece) => piece;

/** Turns one bit of each body that is sent and holds the marker. */
const corrupting =
  (marker: Buffer): Alter =>
  (direction, piece) => {
    const at = direction === 'request' ? piece.indexOf(marker) : -1;
    if (at >= 0) piece.writeUInt8(piece.readUInt8(at) ^ 1, at);
    return piece;
  };

/** What a driver does where the network between it and a real server is at fault. `sizesBytes`: of the bodies to corrupt. */
export const networkFaultCases = (
  name: string,
  open: () => Promise<Subject>,
  sizesBytes: readonly number[],
  more: (subject: () => Subject) => void = () => undefined,
): void => {
  describe(`${name} behind a bad network`, () => {
    let subject: Subject;
    before(async () => {
      subject = await open();
    });
    after(async () => {
      await subject.driver[Symbol.asyncDispose]();
      await subject.proxy[Symbol.asyncDispose]();
    });

    /** Nothing was kept under the key, and the next try, without the fault, succeeds. */
    const recovers = async (key = makeKey(), bytes = makeBytes(1000, 'again')): Promise<void> => {
      const { driver, proxy } = subject;
      proxy.alter = untouched;
      assert.equal(await driver.head(refOf(key, driver.locate(key))), undefined);
      const { url } = await driver.put(key, payloadOf(bytes), { mode: 'create' });
      assert.equal(md5Of(await readBytes(await driver.get(refOf(key, url)))), md5Of(bytes));
    };

    for (const sizeBytes of sizesBytes) {
      test(`a body of ${sizeBytes} bytes that is corrupted on its way is refused`, async () => {
        const { driver, proxy } = subject;
        const bytes = makeBytes(sizeBytes, `corrupted ${sizeBytes}`);
        const key = makeKey();
        proxy.alter = corrupting(Buffer.from(bytes.subarray(500, 520)));
        for (const payload of [payloadOf(bytes), streamOf(bytes)]) {
          const refused = driver.put(key, payload, { mode: 'create' });
          await assert.rejects(refused, { code: 'store.corrupt', retryable: true });
        }
        await recovers(key);
      });
    }

    test('a connection that is cut while a body is sent', async () => {
      const { driver, proxy } = subject;
      const key = makeKey();
      proxy.alter = (direction, piece, offset) => (direction === 'request' && offset > 1_000_000 ? 'cut' : piece);
      const cut = driver.put(key, streamOf(makeBytes(3_000_000, 'cut')), { mode: 'create' });
      await assert.rejects(cut, { code: 'store.unreachable', retryable: true });
      await recovers(key);
    });

    test('an answer that is cut, and one that stops coming', async () => {
      const { driver, proxy } = subject;
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
      const { driver, proxy } = subject;
      const bytes = makeBytes(1000, 'lost');
      const key = makeKey();
      const marker = Buffer.from(bytes.subarray(500, 520));
      let isSent = false;
      // Not the answer to a look that comes first: the one to the body itself.
      proxy.alter = (direction, piece) => {
        if (direction === 'request' && piece.includes(marker)) isSent = true;
        return direction === 'response' && isSent ? 'cut' : piece;
      };
      await assert.rejects(driver.put(key, payloadOf(bytes), { mode: 'replace' }), { code: 'store.unreachable' });
      proxy.alter = untouched;
      // The write may still be under way in the store when its connection is gone (rule R9).
      for (
        let tries = 0;
        tries < 100 && (await driver.head(refOf(key, driver.locate(key)))) === undefined;
        tries += 1
      ) {
        await sleep(50);
      }
      await assert.rejects(driver.put(key, payloadOf(bytes), { mode: 'create' }), { code: 'store.exists' });
      const [outcome] = await driver.delete([{ ref: refOf(key, driver.locate(key)), md5: md5Of(bytes) }]);
      assert.deepEqual(outcome, { outcome: 'deleted' });
    });

    more(() => subject);
  });
};
