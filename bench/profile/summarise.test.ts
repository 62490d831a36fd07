import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summariseProfile } from './summarise.ts';

const node = (id: number, functionName: string, url: string, children: readonly number[] = []) => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
  children,
});

test('own time counts where the function belongs, and what is native where its caller does', () => {
  const summary = summariseProfile({
    nodes: [
      node(1, '(root)', '', [2, 3, 5, 6]),
      node(2, '(idle)', ''),
      node(3, 'update', 'node:internal/crypto/hash', [4]),
      node(4, 'update', ''),
      node(5, 'copyBatch', 'file:///x/src/migration/copy-batch.ts'),
      node(6, 'write', 'file:///x/node_modules/undici/lib/dispatcher/client-h1.js', [7]),
      node(7, 'writeGeneric', 'node:internal/stream_base_commons'),
    ],
    samples: [2, 3, 4, 4, 5, 6, 7],
    timeDeltas: [500_000, 100_000, 200_000, 100_000, 300_000, 150_000, 50_000],
  });
  const seconds = Object.fromEntries(summary.categories.map((each) => [each.category, each.seconds.toFixed(2)]));
  assert.equal(seconds['hashes and compression'], '0.40');
  assert.equal(seconds['this program: the copying'], '0.30');
  assert.equal(seconds['HTTP client and its sockets'], '0.20');
  assert.equal(summary.idleSeconds, 0.5);
  assert.equal(summary.busySeconds.toFixed(2), '0.90');
  assert.deepEqual(summary.functions[0], { name: 'update', place: 'native', seconds: summary.functions[0]?.seconds });
  assert.equal(summary.functions[1]?.place, 'src/migration/copy-batch.ts:10');
});
