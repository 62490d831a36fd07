import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeKey, md5Of, payloadOf, refOf, textBytes } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import { MemorySpaces, openMemoryDriver } from '../memory/driver.ts';
import { faultsInTurn, type FaultScript } from './faults.ts';
import { injectFaults } from './inject-faults.ts';
import { limitConcurrency } from './limit-concurrency.ts';
import { measureDriver } from './measure.ts';
import { recordDeletes } from './record-deletes.ts';
import { retryDriver } from './retry.ts';
import { limitTime } from './timeouts.ts';

const RETRY = { baseDelayMs: 1, maxDelayMs: 2, totalMs: 500 };
const bytes = textBytes('copied');
const expected = { md5: md5Of(bytes), sizeBytes: bytes.length };

/** A driver that has everything of the memory's but copies. */
const openWithout = (): Driver => {
  const plain = openMemoryDriver({ space: 'copying' }, new MemorySpaces());
  return new Proxy(plain, { get: (target, name) => (name === 'copyWithin' ? undefined : Reflect.get(target, name)) });
};

/** A store with a document to copy, of which the copy meets what the script says. */
const openFaulty = async (script: FaultScript) => {
  const store = openMemoryDriver({ space: 'copying' }, new MemorySpaces());
  const key = makeKey('source');
  await store.put(key, payloadOf(bytes), { mode: 'create' });
  return { driver: injectFaults(store, script), source: refOf(key, store.locate(key)), key: makeKey('copy') };
};

describe('a copy by the store itself, wrapped', () => {
  test('is there exactly where the inner driver has it', () => {
    const plain = openMemoryDriver({ space: 'copying' }, new MemorySpaces());
    const without = openWithout();
    const wrap = (driver: Driver): readonly Driver[] => [
      retryDriver(driver, RETRY),
      limitConcurrency(driver),
      limitTime(driver, { idleMs: 1000, totalMs: 1000 }),
      measureDriver(driver),
      recordDeletes(driver, {}),
      injectFaults(driver, () => undefined),
    ];
    for (const driver of wrap(plain)) assert.equal(typeof driver.copyWithin, 'function');
    for (const driver of wrap(without)) assert.equal(typeof driver.copyWithin, 'undefined');
  });

  test('is tried again, and says how often', async () => {
    const fault = { kind: 'error', when: 'after', code: 'store.busy' } as const;
    const script = faultsInTurn({ on: 'copyWithin', fault }, { on: 'copyWithin', fault });
    const { driver, source, key } = await openFaulty(script);
    const receipt = await retryDriver(driver, RETRY).copyWithin?.(source, key, expected);
    assert.deepEqual(receipt, { url: driver.locate(key), md5: expected.md5, sizeBytes: bytes.length, attempts: 3 });
  });

  test('that cannot be is not tried again', async () => {
    const seen: string[] = [];
    const { driver, source, key } = await openFaulty(({ operation }) => void seen.push(operation));
    const other = { ...expected, md5: md5Of(textBytes('other')) };
    const retrying = retryDriver(driver, RETRY);
    await assert.rejects(async () => retrying.copyWithin?.(source, key, other), { code: 'store.failed' });
    assert.deepEqual(seen, ['copyWithin']);
  });

  test('that never ends is ended by the total time alone', async () => {
    const { driver, source, key } = await openFaulty(() => ({ kind: 'hang' }));
    const timed = limitTime(driver, { idleMs: 1, totalMs: 60 });
    await assert.rejects(async () => timed.copyWithin?.(source, key, expected), {
      code: 'store.timeout',
      message: /longer than 60 ms/,
    });
    const slow = await openFaulty(() => ({ kind: 'delay', delayMs: 30 }));
    const patient = limitTime(slow.driver, { idleMs: 1, totalMs: 60_000 });
    assert.equal((await patient.copyWithin?.(slow.source, slow.key, expected))?.md5, expected.md5);
  });

  test('is counted among what may run at once, and measured', async () => {
    const { driver, source, key } = await openFaulty(
      faultsInTurn({ on: 'copyWithin', fault: { kind: 'error', when: 'before', code: 'store.throttled' } }),
    );
    const measured = measureDriver(driver);
    const limited = limitConcurrency(measured, { start: 8 });
    await assert.rejects(async () => limited.copyWithin?.(source, key, expected), { code: 'store.throttled' });
    assert.equal(limited.limitOf('write'), 4);
    await limited.copyWithin?.(source, key, expected);
    const measure = measured.measures.get('copyWithin');
    assert.deepEqual([measure?.calls, measure?.bytes, measure?.failures], [2, bytes.length, { 'store.throttled': 1 }]);
  });
});
