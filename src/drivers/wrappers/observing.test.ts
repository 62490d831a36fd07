import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf, textBytes } from '../conformance/samples.ts';
import { MemorySpaces, openMemoryDriver } from '../memory/driver.ts';
import { faultsInTurn } from './faults.ts';
import { injectFaults } from './inject-faults.ts';
import { measureDriver } from './measure.ts';
import { type RecordedDelete, recordDeletes } from './record-deletes.ts';

describe('what only watches', () => {
  test('every delete is recorded, with its outcome or without one', async () => {
    const plain = injectFaults(
      openMemoryDriver({ space: 'record' }, new MemorySpaces()),
      faultsInTurn({ on: 'delete', fault: { kind: 'error', when: 'after', code: 'store.timeout' } }),
    );
    const before: number[] = [];
    const records: RecordedDelete[] = [];
    const driver = recordDeletes(plain, {
      before: (items) => void before.push(items.length),
      after: (deletes) => void records.push(...deletes),
    });
    const keys = [makeKey(), makeKey()];
    const items = keys.map((key) => ({ ref: refOf(key, driver.locate(key)), md5: md5Of(textBytes('x')) }));
    for (const key of keys) await driver.put(key, payloadOf(textBytes('x')), { mode: 'create' });
    await assert.rejects(driver.delete(items.slice(0, 1)), { code: 'store.timeout' });
    await driver.delete(items);
    assert.deepEqual(before, [1, 2]);
    assert.deepEqual(
      records.map(({ item, outcome }) => [item.ref.url, outcome?.outcome]),
      [
        [items[0]?.ref.url, undefined],
        [items[0]?.ref.url, 'absent'],
        [items[1]?.ref.url, 'deleted'],
      ],
    );
  });

  test('calls, failures, bytes and times are measured', async () => {
    const plain = injectFaults(
      openMemoryDriver({ space: 'measure' }, new MemorySpaces()),
      faultsInTurn({ on: 'head', fault: { kind: 'error', when: 'before', code: 'store.busy' } }),
    );
    const driver = measureDriver(plain);
    const key = makeKey();
    const bytes = makeBytes(1000, 'measure');
    const { url } = await driver.put(key, payloadOf(bytes), { mode: 'create' });
    assert.equal(driver.running, 0);
    const opened = await driver.get(refOf(key, url));
    const reading = opened.chunks[Symbol.asyncIterator]();
    const first = await reading.next();
    assert.equal(driver.running, 1, 'a body that is being read is under way');
    assert.ok(first.done !== true);
    await reading.return?.();
    assert.equal(driver.running, 0);
    await readBytes(await driver.get(refOf(key, url)));
    await assert.rejects(driver.head(refOf(key, url)), { code: 'store.busy' });
    await driver.head(refOf(key, url));
    await driver.bulk?.get([refOf(key, url), refOf(key, url)]);
    await driver.bulk?.put([{ key: makeKey(), payload: payloadOf(bytes) }], { mode: 'create' });
    const seen = [...driver.measures].map(([operation, { calls, bytes: sum, failures }]) => [
      operation,
      calls,
      sum,
      failures,
    ]);
    assert.deepEqual(seen, [
      ['put', 1, 1000, {}],
      ['get', 2, 1000 + first.value.length, {}],
      ['head', 2, 0, { 'store.busy': 1 }],
      ['bulk.get', 1, 2000, {}],
      ['bulk.put', 1, 1000, {}],
    ]);
    for (const { totalMs, maxMs, histogram, calls } of driver.measures.values()) {
      assert.ok(totalMs >= maxMs && maxMs >= 0);
      assert.equal(
        [...histogram.values()].reduce((sum, count) => sum + count, 0),
        calls,
      );
    }
  });
});
