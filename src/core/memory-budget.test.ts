import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { MemoryBudget } from './memory-budget.ts';

const never = new AbortController().signal;

test('no more is held at once than there is, in the order of asking', async () => {
  const budget = new MemoryBudget(10);
  const order: number[] = [];
  let heldBytes = 0;
  let mostBytes = 0;
  const use = async (index: number, sizeBytes: number): Promise<void> => {
    using share = await budget.take(sizeBytes, never);
    order.push(index);
    heldBytes += share.sizeBytes;
    mostBytes = Math.max(mostBytes, heldBytes);
    await setImmediate();
    heldBytes -= share.sizeBytes;
  };
  await Promise.all([4, 4, 4, 100, 1, 10].map((sizeBytes, index) => use(index, sizeBytes)));
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
  assert.equal(mostBytes, 10);
  assert.equal(heldBytes, 0);
});

test('one that gives up lets the next one through, and keeps nothing', async () => {
  const budget = new MemoryBudget(10);
  const first = await budget.take(6, never);
  const stop = new AbortController();
  const second = budget.take(8, stop.signal);
  const third = budget.take(4, never);
  const reason = new Error('enough');
  stop.abort(reason);
  await assert.rejects(second, reason);
  using _ = await third;
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  using all = await budget.take(6, never);
  assert.equal(all.sizeBytes, 6);
  await assert.rejects(budget.take(1, stop.signal), reason);
});
