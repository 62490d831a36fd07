import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { describe, test } from 'node:test';
import type { RunProgress } from '../../migration/run-store.ts';
import { phaseText, plainLine, readableSeconds } from './describe-run.ts';
import { drawFrame } from './frame.ts';
import { type Rate, RateMeter } from './rate.ts';
import type { RunView } from './run-state.ts';

const PROGRESS: RunProgress = {
  phase: 'copying',
  hold: 'none',
  controlSeen: 0,
  planned: 1_234_567,
  plannedBytes: 90 * 2 ** 30,
  doneBefore: 1200,
  documents: 654_321,
  bytes: 45 * 2 ** 30,
  toClean: 0,
  cleaned: 0,
  inFlight: 64,
  retries: 3,
  failures: 12,
  switched: 0,
  switchSeconds: undefined,
  pausedSeconds: 0,
};
const viewOf = (progress: Partial<RunProgress> = {}): RunView => ({
  identity: { migrationId: 12, epoch: 1, command: 'migrate', kind: 'migrate', from: 'db', to: 's3', resumed: false },
  progress: { ...PROGRESS, ...progress },
  elapsedSeconds: 3723,
  limits: { bandwidthBytesPerSecond: 10 * 2 ** 20 },
  end: undefined,
});
const RATE: Rate = { documentsPerSecond: 812.4, bytesPerSecond: 52 * 2 ** 20, secondsLeft: 885 };
const PLAIN = { colour: false, unicode: false };

describe('the frame of a run', () => {
  test('says all figures at every width, and never goes beyond it', () => {
    for (const columns of [20, 30, 40, 60, 80, 120, 160, 300]) {
      const lines = drawFrame(viewOf(), RATE, columns, PLAIN);
      for (const line of lines) assert.ok(line.length < columns || columns === 20, `${columns}: ${line}`);
      const all = lines.join(' ');
      for (const text of ['Copying', '50 %', '12 failed', '64 in flight', '3 retries'])
        assert.ok(all.includes(text), all);
      if (columns < 40) continue;
      for (const text of ['654,321 of 1,234,567 documents', '45.0 GiB of 90.0 GiB', '812 documents/s', '52.0 MiB/s'])
        assert.ok(all.includes(text), all);
    }
  });

  test('no word is cut where it fits', () => {
    const held = viewOf({ hold: 'pausing', documents: 1_234_566 });
    for (let columns = 21; columns < 60; columns += 1) {
      const words = new Set(drawFrame(held, RATE, columns, PLAIN).join(' ').split(/\s+/));
      for (const word of 'Migration pausing: finishing what is under way 1,234,566 of documents copied before in flight at most'.split(
        ' ',
      ))
        assert.ok(words.has(word), `${columns}: ${word}`);
    }
  });

  test('at 80 columns', () => {
    assert.deepEqual(drawFrame(viewOf(), RATE, 80, PLAIN), [
      'Migration 12: db -> s3   Copying   1 h 02 min',
      `${'#'.repeat(26)}${'.'.repeat(25)}    50 %   about 15 min left`,
      '654,321 of 1,234,567 documents   45.0 GiB of 90.0 GiB   1,200 copied before',
      '812 documents/s   52.0 MiB/s   64 in flight   3 retries   12 failed',
      'at most 10.0 MiB/s',
    ]);
  });

  test('colours only what is asked for, and none changes the text', () => {
    const coloured = drawFrame(viewOf({ hold: 'paused' }), RATE, 80, { colour: true, unicode: true });
    const plain = drawFrame(viewOf({ hold: 'paused' }), RATE, 80, { colour: false, unicode: true });
    assert.deepEqual(
      coloured.map((line) => stripVTControlCharacters(line)),
      plain,
    );
    assert.match(coloured.join('\n'), /\u001B\[31m12 failed\u001B\[0m/);
    assert.match(coloured.join('\n'), /\u001B\[33mpaused\u001B\[0m/);
    assert.doesNotMatch(plain.join('\n'), /\u001B/);
    assert.match(plain.join('\n'), /→|█/);
  });

  test('what has no measure has no bar; what is paused has no end in sight', () => {
    assert.doesNotMatch(drawFrame(viewOf({ phase: 'planning' }), RATE, 80, PLAIN).join('\n'), /%|of 1/);
    assert.doesNotMatch(drawFrame(viewOf({ hold: 'pausing' }), RATE, 80, PLAIN).join('\n'), /left|documents\/s/);
    assert.match(
      drawFrame(viewOf({ phase: 'cleaning', toClean: 10, cleaned: 5 }), RATE, 80, PLAIN).join('\n'),
      /50 %.*\n5 of 10 documents deleted/,
    );
  });
});

test('the same as one line', () => {
  assert.equal(
    plainLine(viewOf(), RATE),
    'Copying: 50 %, 654,321 of 1,234,567 documents, 45.0 GiB of 90.0 GiB, 1,200 copied before, 812 documents/s, 52.0 MiB/s, ' +
      '64 in flight, 3 retries, 12 failed, at most 10.0 MiB/s, about 15 min left',
  );
  assert.match(
    plainLine(viewOf({ phase: 'switching', hold: 'paused' }), RATE),
    /^Switching \(paused before the switch\): /,
  );
  assert.equal(phaseText('confirming'), 'Confirming earlier copies');
});

test('times are said in two units at most', () => {
  assert.deepEqual([0.4, 59, 61, 3599, 7261, 90_061].map(readableSeconds), [
    '0 s',
    '59 s',
    '1 min 01 s',
    '59 min 59 s',
    '2 h 01 min',
    '1 d 01 h',
  ]);
});

describe('how fast', () => {
  const at = (meter: RateMeter, elapsedSeconds: number, progress: Partial<RunProgress>): Rate =>
    meter.measure({ ...viewOf({ planned: 1000, plannedBytes: 1_000_000, failures: 0, ...progress }), elapsedSeconds });

  test('the rate is that of the last while; whatever takes longer decides when it is done', () => {
    const meter = new RateMeter();
    assert.equal(at(meter, 0, { documents: 0, bytes: 0 }).secondsLeft, undefined);
    for (let second = 1; second <= 100; second += 1) at(meter, second, { documents: second, bytes: second * 100 });
    const rate = at(meter, 110, { documents: 150, bytes: 11_000 });
    assert.ok(rate.documentsPerSecond > 1.5 && rate.documentsPerSecond < 3);
    assert.ok(Math.abs(rate.bytesPerSecond - 100) < 5);
    assert.ok(Math.abs((rate.secondsLeft ?? 0) - 9890) < 500, String(rate.secondsLeft));
  });

  test('a pause is no time, another phase begins anew, and what stands still has no end', () => {
    const meter = new RateMeter();
    at(meter, 0, { documents: 0, bytes: 0 });
    at(meter, 10, { documents: 100, bytes: 0 });
    const paused = at(meter, 1010, { documents: 100, bytes: 0, pausedSeconds: 1000 });
    assert.equal(paused.documentsPerSecond, 10);
    const cleaning = { phase: 'cleaning', toClean: 50, pausedSeconds: 1000 } as const;
    assert.equal(at(meter, 1020, { ...cleaning, cleaned: 0 }).secondsLeft, undefined);
    assert.equal(at(meter, 1022, { ...cleaning, cleaned: 20 }).secondsLeft, 3);
    const still = new RateMeter();
    at(still, 0, { documents: 0, bytes: 0 });
    assert.equal(at(still, 10, { documents: 0, bytes: 0 }).secondsLeft, undefined);
  });
});
