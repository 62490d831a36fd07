import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeBytes, makeKey, payloadOf, readBytes, refOf, streamOf } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import { MemorySpaces, openMemoryDriver } from '../memory/driver.ts';
import { Limits } from './limits.ts';
import { throttle } from './throttle.ts';

const open = (limits: Limits): Driver => throttle(openMemoryDriver({ space: 'throttle' }, new MemorySpaces()), limits);

/** What is limited to take longer than this cannot be quicker; how much longer it takes depends on the machine. */
const elapsedMs = async (work: () => Promise<unknown>): Promise<number> => {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
};

describe('a limit of', () => {
  test('requests a second holds, after a short burst', async () => {
    const driver = open(new Limits({ requestsPerSecond: 100 }));
    const key = makeKey();
    const head = (): Promise<unknown> => driver.head(refOf(key, driver.locate(key)));
    // 25 at once, one that goes into debt, 10 ms for each of the others.
    const took = await elapsedMs(() => Promise.all(Array.from({ length: 46 }, head)));
    assert.ok(took >= 190, `${took} ms`);
  });

  test('bandwidth holds for what is written and what is read, in one piece or in many', async () => {
    const limits = new Limits();
    const driver = open(limits);
    for (const make of [payloadOf, streamOf]) {
      limits.set({ bandwidthBytesPerSecond: 1_000_000 });
      const key = makeKey();
      const bytes = makeBytes(400_000, 'paced');
      // Another one first, which uses the burst up and leaves a debt.
      const took = await elapsedMs(async () => {
        await driver.put(makeKey(), payloadOf(bytes), { mode: 'create' });
        await driver.put(key, make(bytes), { mode: 'create' });
      });
      assert.ok(took >= 140, `${took} ms`);
      const read = async (): Promise<void> => {
        assert.deepEqual(await readBytes(await driver.get(refOf(key, driver.locate(key)))), Buffer.from(bytes));
      };
      const readMs = await elapsedMs(read);
      assert.ok(readMs >= 70, `${readMs} ms`);
      limits.set({ bandwidthBytesPerSecond: undefined });
    }
  });

  test('anything can be changed while somebody waits, and lifted', async () => {
    const limits = new Limits({ requestsPerSecond: 0.001 });
    const driver = open(limits);
    const key = makeKey();
    const head = (): Promise<unknown> => driver.head(refOf(key, driver.locate(key)));
    await head();
    const waiting = Promise.all([head(), head(), head()]);
    limits.set({ requestsPerSecond: undefined });
    await waiting;
    await head();
  });

  test('one that is stopped while it waits gives its place up', async () => {
    const limits = new Limits({ requestsPerSecond: 0.001 });
    const driver = open(limits);
    const key = makeKey();
    const ref = refOf(key, driver.locate(key));
    await driver.head(ref);
    const stop = new AbortController();
    const stopped = driver.head(ref, stop.signal);
    const next = driver.head(ref);
    stop.abort(new Error('stopped'));
    await assert.rejects(stopped, /stopped/);
    limits.set({ requestsPerSecond: 1000 });
    await next;
  });
});
