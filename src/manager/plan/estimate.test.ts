import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MeasuredPart, Rehearsal } from '../../migration/rehearse.ts';
import type { LimitValues } from '../../drivers/wrappers/limits.ts';
import { type Cleaning, type Estimate, estimateMigration, type Work } from './estimate.ts';

const part = (seconds: number, documents = 100): MeasuredPart => ({
  documents,
  readBytes: documents * 1_000,
  writtenBytes: documents * 500,
  seconds,
});

const rehearsal = (...parts: readonly MeasuredPart[]): Rehearsal => ({
  parts,
  tried: 500,
  failures: [],
  skipped: 0,
  readBytes: 500_000,
  writtenBytes: 250_000,
  insertSeconds: 0.00001,
  updateSeconds: 0.00001,
  lookSeconds: 0.0001,
  readSeconds: 0.001,
});

const WORK: Work = { documents: 10_000, bytes: 10_000_000, copied: 0, copiedBytes: 0 };

test('the pace of what was measured, once it was warm, is that of the rest', () => {
  const estimate = estimateMigration(WORK, rehearsal(part(5), part(1), part(1)), {
    cleaning: undefined,
    startSeconds: 0.5,
  });
  assert.ok(estimate !== undefined);
  assert.ok(Math.abs(estimate.copySeconds.likely - 100) < 2, String(estimate.copySeconds.likely));
  assert.deepEqual([estimate.documentsPerSecond, estimate.ratio, estimate.cleanSeconds], [100, 0.5, null]);
  assert.ok(estimate.downtimeSeconds.likely > estimate.copySeconds.likely);
  assert.ok(estimate.downtimeAfterPrecopySeconds.likely < 5);
});

test('parts that went differently make the range wider', () => {
  const width = (...parts: readonly MeasuredPart[]): number => {
    const estimate = estimateMigration(WORK, rehearsal(...parts), { cleaning: undefined, startSeconds: 0.5 });
    assert.ok(estimate !== undefined);
    return (estimate.copySeconds.high - estimate.copySeconds.low) / estimate.copySeconds.likely;
  };
  assert.ok(width(part(1), part(0.5), part(1.5)) > width(part(1), part(1), part(1)) + 0.2);
});

test('documents that are larger than those measured count by their bytes, too', () => {
  const large = estimateMigration({ ...WORK, bytes: 30_000_000 }, rehearsal(part(1)), {
    cleaning: undefined,
    startSeconds: 0.5,
  });
  assert.ok(large !== undefined);
  assert.ok(large.copySeconds.likely > 190 && large.copySeconds.high > 300 && large.copySeconds.low < 100);
});

test('what is copied already is not copied again; files are read before they go', () => {
  const done = { ...WORK, copied: 9_000, copiedBytes: 9_000_000 };
  const rest = estimateMigration(done, rehearsal(part(1)), { cleaning: 'files', startSeconds: 0.5 });
  assert.ok(rest !== undefined && rest.copySeconds.likely < 11);
  assert.ok((rest.cleanSeconds?.likely ?? 0) > 10);
});

test('nothing measured, nothing reckoned', () => {
  assert.equal(estimateMigration(WORK, rehearsal(), { cleaning: 'rows', startSeconds: 0.5 }), undefined);
});

describe('within limits', () => {
  /** 2 requests a document there and 1 here; a byte is read once, half of it is written, and read back. */
  const traffic = {
    documents: 500,
    bytes: 500_000,
    stores: [
      { requests: 500, readBytes: 500_000, writtenBytes: 0 },
      { requests: 1_000, readBytes: 250_000, writtenBytes: 250_000 },
    ],
  };

  const estimate = (limits: LimitValues, cleaning?: Cleaning, work = WORK): Estimate => {
    const limited = { limits, traffic, provesOneByOne: true };
    const made = estimateMigration(work, rehearsal(part(1)), { cleaning, startSeconds: 0.5, limited });
    assert.ok(made !== undefined);
    return made;
  };

  const free = estimate({});

  test('the scarcer of bytes and requests sets the pace of copying, at the store that needs more of them', () => {
    assert.equal(Math.round(free.copySeconds.likely), 100);
    assert.equal(estimate({ bandwidthBytesPerSecond: 10_000 }).copySeconds.likely, 1_000);
    assert.equal(estimate({ requestsPerSecond: 10 }).copySeconds.likely, 2_000);
    assert.equal(estimate({ requestsPerSecond: 10, bandwidthBytesPerSecond: 2_000 }).copySeconds.likely, 5_000);
    const { low, high } = estimate({ requestsPerSecond: 10 }).copySeconds;
    assert.deepEqual([Math.round(low), Math.round(high)], [1_900, 2_100]);
  });

  test('a limit that is never reached changes nothing', () => {
    const wide = estimate({ requestsPerSecond: 1_000_000, bandwidthBytesPerSecond: 1_000_000_000 });
    assert.deepEqual(wide, free);
  });

  test('what is copied already needs none of it; proving and deleting need a request a document, statements do not', () => {
    const limits = { requestsPerSecond: 10 };
    const rest = estimate(limits, 'objects', { ...WORK, copied: 9_000, copiedBytes: 9_000_000 });
    assert.deepEqual([rest.copySeconds.likely, rest.cleanSeconds?.likely], [200, 1_000]);
    assert.ok(rest.downtimeAfterPrecopySeconds.likely > 2_000);
    assert.ok((estimate(limits, 'rows').cleanSeconds?.likely ?? 0) < 10);
  });
});
