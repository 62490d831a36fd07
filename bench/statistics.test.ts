import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { median, ratiosOf, spreadOf } from './statistics.ts';

describe('statistics of several runs', () => {
  test('the median is the middle, or between the two in the middle', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([10, 9, 1, 2]), 5.5);
    assert.equal(median([3]), 3);
    assert.throws(() => median([]), /no values/);
  });

  test('numbers are ordered as numbers', () => assert.equal(median([100, 9, 20]), 20));

  test('the spread names the extremes', () => {
    assert.deepEqual(spreadOf([4, 2, 8]), { median: 4, min: 2, max: 8 });
  });

  test('runs are compared pairwise, as far as both have them', () => {
    assert.deepEqual(ratiosOf([10, 30, 8], [5, 10]), [2, 3]);
  });
});
