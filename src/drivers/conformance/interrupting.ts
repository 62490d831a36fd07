import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Payload } from '../contract.ts';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf, streamOf, textBytes } from './samples.ts';
import type { OpenSubject } from './subject.ts';

const LARGE_BYTES = 5 * 1024 * 1024;

export const interruptingCases = ({ driver, quirks }: OpenSubject): void => {
  const largeBytes = quirks.largeBytes ?? LARGE_BYTES;

  describe('interrupting', () => {
    test('reading that is broken off frees what it used', async () => {
      const bytes = makeBytes(largeBytes, 'broken off');
      const key = makeKey();
      await driver().put(key, streamOf(bytes), { mode: 'create' });
      const ref = refOf(key, driver().locate(key));
      for (let round = 0; round < 20; round += 1) {
        for await (const chunk of (await driver().get(ref)).chunks) {
          assert.ok(chunk.length > 0);
          break;
        }
      }
      assert.equal(md5Of(await readBytes(await driver().get(ref))), md5Of(bytes));
    });

    test('an operation whose signal has fired does nothing', async () => {
      const key = makeKey();
      const { url } = await driver().put(key, payloadOf(textBytes('stays')), { mode: 'create' });
      const ref = refOf(key, url);
      const signal = AbortSignal.abort(new Error('stopped'));
      const fresh = makeKey();
      await assert.rejects(async () => readBytes(await driver().get(ref, signal)));
      await assert.rejects(async () => driver().head(ref, signal));
      await assert.rejects(async () => driver().put(fresh, payloadOf(textBytes('x')), { mode: 'create', signal }));
      await assert.rejects(async () => driver().put(fresh, streamOf(textBytes('x')), { mode: 'create', signal }));
      await assert.rejects(async () => {
        for await (const object of driver().list(signal)) assert.ok(object);
      });
      await assert.rejects(async () => {
        const [outcome] = await driver().delete([{ ref, md5: undefined }], signal);
        if (outcome?.outcome === 'failed') throw outcome.error;
      });
      assert.equal((await driver().head(ref))?.sizeBytes, 5);
      assert.equal(await driver().head(refOf(fresh, driver().locate(fresh))), undefined);
    });

    test('a write that is stopped half-way ends at once, and keeps nothing', async () => {
      const bytes = makeBytes(largeBytes, 'half');
      const stop = new AbortController();
      const payload: Payload = {
        ...streamOf(bytes),
        open: async function* (signal) {
          yield bytes.subarray(0, bytes.length / 2);
          // Nothing more will ever come: only the signal ends this.
          const stopped = new Promise<never>((_, reject) => {
            (signal ?? stop.signal).addEventListener('abort', () => reject(new Error('the source was stopped')), {
              once: true,
            });
          });
          setImmediate(() => stop.abort(new Error('stopped by the test')));
          await stopped;
        },
      };
      const key = makeKey();
      await assert.rejects(driver().put(key, payload, { mode: 'create', signal: stop.signal }));
      assert.equal(await driver().head(refOf(key, driver().locate(key))), undefined);
      await driver().put(key, payloadOf(textBytes('the next try')), { mode: 'create' });
      assert.equal((await driver().head(refOf(key, driver().locate(key))))?.sizeBytes, 12);
    });

    test('a read that is stopped half-way fails rather than to end early', async () => {
      const bytes = makeBytes(largeBytes, 'read half');
      const key = makeKey();
      await driver().put(key, streamOf(bytes), { mode: 'create' });
      const stop = new AbortController();
      const read = async (): Promise<number> => {
        let sizeBytes = 0;
        for await (const chunk of (await driver().get(refOf(key, driver().locate(key)), stop.signal)).chunks) {
          sizeBytes += chunk.length;
          stop.abort(new Error('stopped by the test'));
        }
        return sizeBytes;
      };
      // What had already arrived may come as one chunk; then it is whole.
      const outcome = await read().catch((error: unknown) => error);
      assert.ok(outcome instanceof Error || outcome === bytes.length, String(outcome));
    });
  });
};
