import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError } from '../../core/errors.ts';
import { makeKey, refOf } from '../conformance/samples.ts';
import { MemorySpaces, openMemoryDriver } from '../memory/driver.ts';
import { Limits } from './limits.ts';
import { limitConcurrency } from './limit-concurrency.ts';

/** A driver whose requests wait until the test lets them go on. */
const open = (options: Parameters<typeof limitConcurrency>[1]) => {
  const inner = openMemoryDriver({ space: 'limit' }, new MemorySpaces());
  const pending: PromiseWithResolvers<undefined>[] = [];
  inner.head = () => {
    const request = Promise.withResolvers<undefined>();
    pending.push(request);
    return request.promise;
  };
  const driver = limitConcurrency(inner, options);
  const key = makeKey();
  return { driver, pending, head: (signal?: AbortSignal) => driver.head(refOf(key, driver.locate(key)), signal) };
};

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the limit of concurrency', () => {
  test('lets no more through than it says, in their order', async () => {
    const { head, pending } = open({ start: 3, max: 3 });
    const requests = Array.from({ length: 8 }, () => head());
    for (let done = 0; done < 8; done += 1) {
      await settle();
      assert.equal(pending.length, Math.min(8, done + 3));
      pending[done]?.resolve(undefined);
    }
    await Promise.all(requests);
  });

  test('is halved once by all the requests of one moment, and never ends', async () => {
    const { driver, head, pending } = open({ start: 8, max: 8 });
    for (const expected of [4, 2, 1, 1]) {
      const before = pending.length;
      const requests = Array.from({ length: driver.limitOf('read') }, () => head().catch((error: unknown) => error));
      await settle();
      for (const request of pending.slice(before)) request.reject(new AppError('store.throttled', 'slow down'));
      await Promise.all(requests);
      assert.equal(driver.limitOf('read'), expected);
    }
  });

  test('other errors say nothing about it', async () => {
    const { driver, head, pending } = open({ start: 4 });
    const request = head();
    await settle();
    pending[0]?.reject(new AppError('store.denied', 'no'));
    await assert.rejects(request);
    assert.equal(driver.limitOf('read'), 4);
  });

  test('one that is stopped while it waits gives its place up', async () => {
    const { head, pending } = open({ start: 1, max: 1 });
    const first = head();
    const stop = new AbortController();
    const stopped = head(stop.signal);
    const third = head();
    stop.abort(new Error('stopped'));
    await assert.rejects(stopped, /stopped/);
    await settle();
    pending[0]?.resolve(undefined);
    await settle();
    pending[1]?.resolve(undefined);
    await Promise.all([first, third]);
    assert.equal(pending.length, 2);
  });

  test("an operator's limit holds as soon as it is set, and no longer", async () => {
    const limits = new Limits();
    const { driver, head, pending } = open({ start: 3, limits });
    const first = head();
    await settle();
    limits.set({ concurrency: 1 });
    assert.equal(driver.limitOf('read'), 1);
    const more = [head(), head()];
    await settle();
    assert.equal(pending.length, 1);
    limits.set({ concurrency: undefined });
    await settle();
    assert.equal(pending.length, 3);
    for (const request of pending) request.resolve(undefined);
    await Promise.all([first, ...more]);
  });

  test('throttled objects of a bulk answer count', async () => {
    const inner = openMemoryDriver({ space: 'limit' }, new MemorySpaces());
    inner.delete = async () => [{ outcome: 'failed', error: new AppError('store.throttled', 'slow down') }];
    const driver = limitConcurrency(inner, { start: 8 });
    const key = makeKey();
    await driver.delete([{ ref: refOf(key, driver.locate(key)), md5: undefined }]);
    assert.equal(driver.limitOf('delete'), 4);
    assert.equal(driver.limitOf('write'), 8);
  });
});
