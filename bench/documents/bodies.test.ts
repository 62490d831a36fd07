import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { createBodies, MIXED, SMALL, TINY } from './bodies.ts';

describe('documents for measuring', () => {
  test('the same seed gives the same documents, another one gives others', () => {
    assert.deepEqual(createBodies(5, SMALL, 7), createBodies(5, SMALL, 7));
    assert.notDeepEqual(createBodies(5, SMALL, 7), createBodies(5, SMALL, 8));
  });

  test('they are JSON, and compress as the real ones do', () => {
    const text = createBodies(20, SMALL, 1);
    const whole = text.reduce((sum, body) => sum + body.length, 0);
    const compressed = text.reduce((sum, body) => sum + deflateSync(body, { level: 3 }).length, 0);
    for (const body of text) assert.equal(typeof JSON.parse(body), 'object');
    assert.ok(whole / compressed > 4 && whole / compressed < 6.5, `${whole / compressed}`);
  });

  test('their sizes are spread as told', () => {
    for (const sizes of [SMALL, TINY, { ...MIXED, maxBytes: 200_000 }]) {
      const lengths = createBodies(20, sizes, 3).map((body) => body.length);
      assert.ok(Math.min(...lengths) >= sizes.minBytes);
      assert.ok(Math.max(...lengths) <= sizes.maxBytes + 400);
    }
  });
});
