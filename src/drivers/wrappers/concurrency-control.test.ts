import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConcurrencyControl } from './concurrency-control.ts';

/** Feeds the control with the answers of a store that gives so many a second at so many at once, for so many rounds. */
const runRounds = (start: number, rounds: number, perSecond: (limit: number, round: number) => number): number[] => {
  let nowMs = 0;
  const control = new ConcurrencyControl({ start, max: 128, now: () => nowMs });
  const limits: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const until = nowMs + 1000; nowMs < until;) {
      nowMs += 1000 / perSecond(control.limit, round);
      control.begin(true);
      control.answered();
    }
    limits.push(control.limit);
  }
  return limits;
};

/** The answers a second that the limits of the last rounds give on average. */
const averageOf = (limits: readonly number[], perSecond: (limit: number) => number): number => {
  const last = limits.slice(-40);
  return last.reduce((sum, limit) => sum + perSecond(limit), 0) / last.length;
};

describe('the limit that finds itself', () => {
  const stores = {
    'serves 8 at once and queues the rest': (limit: number) => 100 * Math.min(limit, 8),
    'serves 64': (limit: number) => 30 * Math.min(limit, 64),
    'gets slower beyond 12': (limit: number) => (limit <= 12 ? 50 * limit : 600 * (12 / limit) ** 0.5),
    'serves one': () => 200,
  };
  for (const [name, perSecond] of Object.entries(stores)) {
    for (const start of [1, 16, 100]) {
      test(`comes within a tenth of the best at a store that ${name}, from ${start}`, () => {
        const best = Math.max(...Array.from({ length: 128 }, (_, index) => perSecond(index + 1)));
        const limits = runRounds(start, 160, perSecond);
        assert.ok(averageOf(limits, perSecond) > best * 0.9, limits.join(' '));
      });
    }
  }

  test('does not leave a queue at a store that gains nothing by it', () => {
    const limits = runRounds(64, 160, (limit) => 100 * Math.min(limit, 8));
    assert.ok((limits.at(-1) ?? 0) <= 16, limits.join(' '));
  });

  test('grows again where a store has become faster', () => {
    const limits = runRounds(8, 300, (limit, round) => 20 * Math.min(limit, round < 100 ? 4 : 40));
    assert.ok((limits.at(-1) ?? 0) >= 30, limits.join(' '));
  });

  test('stays where nobody has to wait', () => {
    let nowMs = 0;
    const control = new ConcurrencyControl({ start: 16, max: 128, now: () => nowMs });
    for (let answer = 0; answer < 1000; answer += 1) {
      nowMs += 10;
      control.begin(false);
      control.answered();
    }
    assert.equal(control.limit, 16);
  });

  test('is halved once by all the requests of one moment', () => {
    const control = new ConcurrencyControl({ start: 16, max: 128 });
    const epochs = Array.from({ length: 16 }, () => control.begin(true));
    for (const epoch of epochs) control.throttled(epoch);
    assert.equal(control.limit, 8);
    control.throttled(control.begin(true));
    assert.equal(control.limit, 4);
  });
});
