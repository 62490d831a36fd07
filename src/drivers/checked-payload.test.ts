import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { untilAborted } from './checked-payload.ts';

const MIB = 1024 * 1024;

test('what was read from a stream that can be stopped is not held until its end', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < 100; count += 1) yield Buffer.alloc(MIB);
  };
  const before = process.memoryUsage().arrayBuffers;
  let heldBytes = 0;
  let count = 0;
  for await (const chunk of untilAborted(chunks(), new AbortController().signal)) {
    assert.equal(chunk.length, MIB);
    count += 1;
    if (count < 100) continue;
    collect();
    heldBytes = process.memoryUsage().arrayBuffers - before;
  }
  assert.equal(count, 100);
  assert.ok(heldBytes < 30 * MIB, `${heldBytes} bytes`);
});
