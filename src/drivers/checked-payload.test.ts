import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { untilAborted } from './checked-payload.ts';

test('what was read from a stream that can be stopped is not held until its end', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < 100; count += 1) yield Buffer.alloc(1000);
  };
  const seen: WeakRef<Uint8Array>[] = [];
  let held = 0;
  for await (const chunk of untilAborted(chunks(), new AbortController().signal)) {
    seen.push(new WeakRef(chunk));
    if (seen.length < 100) continue;
    await setImmediate(); // a WeakRef holds what it refers to until then
    collect();
    held = seen.filter((each) => each.deref() !== undefined).length;
  }
  assert.equal(seen.length, 100);
  assert.ok(held < 10, `${held} of 100 chunks are held`);
});
