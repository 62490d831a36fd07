import assert from 'node:assert/strict';
import { test } from 'node:test';
import { legsOf, pairCases, PAIRS, ROUTES } from './driver-pairs.ts';

test('the routes cover every ordered pair of drivers once', () => {
  const legs = [...ROUTES.plain, ...ROUTES.compressed].flatMap(legsOf).map((leg) => leg.join(' -> '));
  assert.deepEqual(legs.toSorted(), PAIRS.toSorted());
});

pairCases(false);
