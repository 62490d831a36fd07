import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
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
import { openS3Driver } from '../../src/drivers/s3/driver.ts';
import { startTcpProxy, type Alter, type TcpProxy } from '../support/tcp-proxy.ts';
import { optionsFor } from './s3-subject.ts';

const PART_BYTES = 5 * 1024 * 1024;
const TIMEOUTS = { connectMs: 2_000, headersMs: 1_000, bodyMs: 1_000 };

/** Turns one bit of each body that is sent and holds the marker. */
const corrupting =
  (marker: Buffer): Alter =>
  (direction, piece) => {
    const at = direction === 'request' ? piece.indexOf(marker) : -1;
    if (at >= 0) piece.writeUInt8(piece.readUInt8(at) ^ 1, at);
    return piece;
  };

/** What a driver does where the network between it and a real server is at fault. */
export const s3FaultCases = (server: string): void => {
  describe(`s3 on ${server} behind a bad network`, () => {
    let proxy: TcpProxy;
    let driver: Driver;
    const untouched: Alter = (_, piece) => piece;

    before(async () => {
      const options = await optionsFor(server);
      const url = new URL(options.url ?? '');
      proxy = await startTcpProxy(Number(url.port));
      url.port = String(proxy.port);
      const partSizes = { multipartBytes: PART_BYTES, partBytes: PART_BYTES };
      driver = await openS3Driver({ ...options, url: url.href }, { environment: {}, timeouts: TIMEOUTS, partSizes });
      await driver.prepare();
    });
    after(async () => {
      await driver[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    });

    /** Nothing was kept under the key, and the next try, without the fault, succeeds. */
    const recovers = async (key = makeKey(), bytes = makeBytes(1000, 'again')): Promise<void> => {
      proxy.alter = untouched;
      assert.equal(await driver.head(refOf(key, driver.locate(key))), undefined);
      const { url } = await driver.put(key, payloadOf(bytes), { mode: 'create' });
      assert.equal(md5Of(await readBytes(await driver.get(refOf(key, url)))), md5Of(bytes));
    };

    for (const sizeBytes of [1000, 300_000, 11 * 1024 * 1024]) {
      test(`a body of ${sizeBytes} bytes that is corrupted on its way is refused`, async () => {
        const bytes = makeBytes(sizeBytes, `corrupted ${sizeBytes}`);
        const key = makeKey();
        proxy.alter = corrupting(Buffer.from(bytes.subarray(500, 520)));
        for (const payload of [payloadOf(bytes), streamOf(bytes)]) {
          await assert.rejects(driver.put(key, payload, { mode: 'create' }), {
            code: 'store.corrupt',
            retryable: true,
          });
        }
        await recovers(key);
      });
    }

    test('a connection that is cut while a body is sent', async () => {
      const bytes = makeBytes(3_000_000, 'cut');
      const key = makeKey();
      proxy.alter = (direction, piece, offset) => (direction === 'request' && offset > 1_000_000 ? 'cut' : piece);
      await assert.rejects(driver.put(key, streamOf(bytes), { mode: 'create' }), {
        code: 'store.unreachable',
        retryable: true,
      });
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
      proxy.alter = (direction, piece) => (direction === 'response' ? 'cut' : piece);
      await assert.rejects(driver.put(key, payloadOf(bytes), { mode: 'replace' }), { code: 'store.unreachable' });
      proxy.alter = untouched;
      await assert.rejects(driver.put(key, payloadOf(bytes), { mode: 'create' }), { code: 'store.exists' });
      const [outcome] = await driver.delete([{ ref: refOf(key, driver.locate(key)), md5: md5Of(bytes) }]);
      assert.deepEqual(outcome, { outcome: 'deleted' });
    });
  });
};
