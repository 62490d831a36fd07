import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBytes, makeKey, payloadOf, readBytes, refOf, streamOf, textBytes } from '../conformance/samples.ts';
import type { Driver, Payload } from '../contract.ts';
import { MemorySpaces, openMemoryDriver } from '../memory/driver.ts';
import { faultsInTurn, type PlannedFault } from './faults.ts';
import { injectFaults } from './inject-faults.ts';
import { limitTime, type TimeoutOptions } from './timeouts.ts';

const TIMEOUT = { code: 'store.timeout' };
const PATIENT: TimeoutOptions = { idleMs: 60_000, totalMs: 60_000 };

const open = (options: Partial<TimeoutOptions>, ...faults: readonly PlannedFault[]): Driver =>
  limitTime(injectFaults(openMemoryDriver({ space: 'timeouts' }, new MemorySpaces()), faultsInTurn(...faults)), {
    ...PATIENT,
    ...options,
  });

describe('timeouts', () => {
  for (const limit of [{ idleMs: 20 }, { totalMs: 20 }]) {
    test(`what never answers ends: ${JSON.stringify(limit)}`, async () => {
      const hang = { kind: 'hang' } as const;
      const driver = open(
        limit,
        { on: 'head', fault: hang },
        { on: 'put', fault: hang },
        { on: 'get', fault: hang },
        { on: 'delete', fault: hang },
      );
      const key = makeKey();
      const ref = refOf(key, driver.locate(key));
      await assert.rejects(driver.head(ref), TIMEOUT);
      await assert.rejects(driver.put(key, payloadOf(textBytes('x')), { mode: 'create' }), TIMEOUT);
      await assert.rejects(driver.get(ref), TIMEOUT);
      await assert.rejects(driver.delete([{ ref, md5: undefined }]), TIMEOUT);
    });
  }

  test('a body that goes on slowly is not idle, but has its total time', async () => {
    const bytes = makeBytes(600, 'slow');
    const slow: Payload = {
      ...payloadOf(bytes),
      open: async function* () {
        for (let start = 0; start < bytes.length; start += 100) {
          await sleep(30);
          yield bytes.subarray(start, start + 100);
        }
      },
    };
    await open({ idleMs: 5000 }).put(makeKey(), slow, { mode: 'create' });
    await assert.rejects(open({ totalMs: 60 }).put(makeKey(), slow, { mode: 'create' }), TIMEOUT);
  });

  test('a driver that does not listen is not waited for', async () => {
    const inner = openMemoryDriver({ space: 'deaf' }, new MemorySpaces());
    inner.head = () => new Promise(() => undefined);
    const key = makeKey();
    await assert.rejects(limitTime(inner, { idleMs: 20, totalMs: 1000 }).head(refOf(key, inner.locate(key))), TIMEOUT);
  });

  test('an object that is opened and read late is no timeout; a reader may take its time', async () => {
    const driver = open({ idleMs: 500 });
    const key = makeKey();
    const { url } = await driver.put(key, streamOf(makeBytes(300_000, 'late')), { mode: 'create' });
    const short = open({ idleMs: 25, totalMs: 25 });
    await short.put(key, payloadOf(textBytes('x')), { mode: 'create' });
    const object = await short.get(refOf(key, url));
    await sleep(60);
    assert.equal((await readBytes(object)).length, 1);
    let chunks = 0;
    for await (const chunk of (await driver.get(refOf(key, url))).chunks) {
      assert.ok(chunk.length > 0);
      chunks += 1;
      if (chunks === 1) await sleep(600);
    }
    assert.ok(chunks > 1);
  });

  test('the caller’s own signal still counts', async () => {
    const driver = open({}, { on: 'head', fault: { kind: 'hang' } });
    const key = makeKey();
    await assert.rejects(driver.head(refOf(key, driver.locate(key)), AbortSignal.timeout(10)), {
      name: 'TimeoutError',
    });
  });
});
