import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../core/error-catalogue.ts';
import { isAppError } from '../../core/errors.ts';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf, streamOf, textBytes } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import { MemorySpaces, openMemoryDriver } from '../memory/driver.ts';
import { type Fault, faultsInTurn } from './faults.ts';
import { injectFaults } from './inject-faults.ts';
import type { Operation } from './forwarding-driver.ts';
import { retryDriver, type RetryOptions } from './retry.ts';

const failing = (code: ErrorCode, when: 'before' | 'after' = 'before', retryAfterMs?: number): Fault => ({
  kind: 'error',
  when,
  code,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

/** A driver on a new space, its retries, and the waits between them, on a clock that only waiting moves. */
const open = (
  faults: readonly { readonly on: Operation; readonly fault: Fault }[],
  options: Partial<RetryOptions> = {},
) => {
  const plain = openMemoryDriver({ space: 'retry' }, new MemorySpaces());
  const waits: number[] = [];
  let nowMs = 0;
  const driver: Driver = retryDriver(injectFaults(plain, faultsInTurn(...faults)), {
    baseDelayMs: 100,
    maxDelayMs: 1000,
    totalMs: 10_000,
    random: () => 1,
    now: () => nowMs,
    wait: async (delayMs) => {
      waits.push(delayMs);
      nowMs += delayMs;
    },
    ...options,
  });
  return { plain, driver, waits };
};

const times = (count: number, on: Operation, fault: Fault) => Array.from({ length: count }, () => ({ on, fault }));

describe('retry', () => {
  test('waits up to twice as long each time, and as long as the store asks for', async () => {
    const { driver, waits } = open([
      ...times(5, 'head', failing('store.busy')),
      { on: 'head', fault: failing('store.throttled', 'before', 2500) },
    ]);
    const key = makeKey();
    assert.equal(await driver.head(refOf(key, driver.locate(key))), undefined);
    assert.deepEqual(waits, [100, 200, 400, 800, 1000, 2500]);
  });

  test('spreads its waits over the whole of their bound', async () => {
    const { driver, waits } = open(times(2, 'head', failing('store.busy')), { random: () => 0.25 });
    const key = makeKey();
    await driver.head(refOf(key, driver.locate(key)));
    assert.deepEqual(waits, [25, 50]);
  });

  test('gives up when its time is over, with the last error', async () => {
    const { driver, waits } = open(times(100, 'head', failing('store.unreachable')), { totalMs: 2000 });
    const key = makeKey();
    await assert.rejects(driver.head(refOf(key, driver.locate(key))), { code: 'store.unreachable' });
    assert.deepEqual(waits, [100, 200, 400, 800]);
  });

  test('leaves errors alone that would come again', async () => {
    const { driver, waits } = open([{ on: 'head', fault: failing('store.denied') }]);
    const key = makeKey();
    await assert.rejects(driver.head(refOf(key, driver.locate(key))), { code: 'store.denied' });
    assert.deepEqual(waits, []);
  });

  test('opens the body anew for each try', async () => {
    const { driver } = open(times(2, 'put', failing('store.timeout')));
    const bytes = makeBytes(200_000, 'again');
    let opened = 0;
    const stream = streamOf(bytes);
    const payload = { ...stream, open: (signal?: AbortSignal) => ((opened += 1), stream.open(signal)) };
    const key = makeKey();
    const receipt = await driver.put(key, payload, { mode: 'create' });
    assert.equal(receipt.attempts, 3);
    assert.equal(opened, 1, 'the faults came before the body was read');
    assert.equal(md5Of(await readBytes(await driver.get(refOf(key, receipt.url)))), md5Of(bytes));
  });

  test('says when an object that stands there may be its own', async () => {
    const { driver } = open([{ on: 'put', fault: failing('store.timeout', 'after') }]);
    await assert.rejects(driver.put(makeKey(), payloadOf(textBytes('x')), { mode: 'create' }), (error) => {
      assert.ok(isAppError(error, 'store.exists'));
      assert.equal(error.outcomeUnknown, true);
      return true;
    });
    const key = makeKey();
    await driver.put(key, payloadOf(textBytes('first')), { mode: 'create' });
    for (const fault of [undefined, failing('store.throttled')]) {
      const other = open(fault === undefined ? [] : [{ on: 'put', fault }]);
      await other.plain.put(key, payloadOf(textBytes('first')), { mode: 'create' });
      await assert.rejects(other.driver.put(key, payloadOf(textBytes('x')), { mode: 'create' }), (error) => {
        assert.ok(isAppError(error, 'store.exists'));
        assert.equal(error.outcomeUnknown, false);
        return true;
      });
    }
  });

  test('a replacement whose acknowledgement was lost is simply made again', async () => {
    const { driver } = open([{ on: 'put', fault: failing('store.busy', 'after') }]);
    const receipt = await driver.put(makeKey(), payloadOf(textBytes('x')), { mode: 'replace' });
    assert.equal(receipt.attempts, 2);
  });

  test('does not send forever what is wrong before it is sent', async () => {
    const { driver, waits } = open([]);
    const lying = payloadOf(textBytes('x'), md5Of(textBytes('y')));
    await assert.rejects(driver.put(makeKey(), lying, { mode: 'create' }), { code: 'store.corrupt' });
    assert.equal(waits.length, 2);
  });

  test('a read that breaks off is the reader’s to repeat, and says so', async () => {
    const { driver } = open([{ on: 'get', fault: { kind: 'break', afterBytes: 10, code: 'store.unreachable' } }]);
    const key = makeKey();
    const { url } = await driver.put(key, payloadOf(makeBytes(100, 'x')), { mode: 'create' });
    const object = await driver.get(refOf(key, url));
    await assert.rejects(readBytes(object), (error) => isAppError(error, 'store.unreachable') && error.retryable);
    assert.equal((await readBytes(await driver.get(refOf(key, url)))).length, 100);
  });

  test('in bulk only what failed is sent again', async () => {
    const { driver, plain } = open([{ on: 'bulk.put', fault: failing('store.unreachable', 'after') }]);
    const standing = makeKey();
    await plain.put(standing, payloadOf(textBytes('stands')), { mode: 'create' });
    const items = [standing, makeKey(), makeKey()].map((key) => ({ key, payload: payloadOf(textBytes('x')) }));
    const results = await driver.bulk?.put(items, { mode: 'create' });
    // The first try wrote two of them; none of the three can be told from its own.
    assert.deepEqual(
      results?.map((result) => !result.ok && [result.error.code, result.error.outcomeUnknown]),
      [
        ['store.exists', true],
        ['store.exists', true],
        ['store.exists', true],
      ],
    );
    const written = await driver.bulk?.put([{ key: makeKey(), payload: payloadOf(textBytes('x')) }], {
      mode: 'create',
    });
    assert.ok(written?.every((result) => result.ok && result.value.attempts === undefined));
  });

  test('a delete is made again, and finds gone what its first try deleted', async () => {
    const { driver } = open([{ on: 'delete', fault: failing('store.timeout', 'after') }]);
    const key = makeKey();
    const { url } = await driver.put(key, payloadOf(textBytes('x')), { mode: 'create' });
    assert.deepEqual(await driver.delete([{ ref: refOf(key, url), md5: undefined }]), [
      { outcome: 'absent', attempts: 2 },
    ]);
  });

  test('a delete that was only held off took no effect before', async () => {
    const { driver } = open([{ on: 'delete', fault: failing('store.throttled') }]);
    const key = makeKey();
    const { url } = await driver.put(key, payloadOf(textBytes('x')), { mode: 'create' });
    assert.deepEqual(await driver.delete([{ ref: refOf(key, url), md5: undefined }]), [{ outcome: 'deleted' }]);
  });

  test('a delete that keeps failing is answered for each object', async () => {
    const { driver } = open(times(100, 'delete', failing('store.busy')));
    const key = makeKey();
    const [outcome] = await driver.delete([{ ref: refOf(key, driver.locate(key)), md5: undefined }]);
    assert.ok(outcome?.outcome === 'failed' && outcome.error.code === 'store.busy');
  });

  test('a listing begins again as long as nothing of it was given', async () => {
    const { driver } = open([{ on: 'list', fault: failing('store.busy') }]);
    await driver.put(makeKey(), payloadOf(textBytes('x')), { mode: 'create' });
    assert.equal((await Array.fromAsync(driver.list())).length, 1);
  });

  test('a signal ends the wait at once', async () => {
    const plain = openMemoryDriver({ space: 'retry' }, new MemorySpaces());
    const faulty = injectFaults(plain, () => failing('store.busy'));
    const stop = new AbortController();
    const driver = retryDriver(faulty, {
      baseDelayMs: 60_000,
      maxDelayMs: 60_000,
      totalMs: 600_000,
      random: () => 1,
      onRetry: () => setImmediate(() => stop.abort(new Error('stopped'))),
    });
    const key = makeKey();
    await assert.rejects(driver.head(refOf(key, driver.locate(key)), stop.signal), /stopped/);
  });
});
