import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRecord, Sample } from '../../migration/run-store.ts';
import { measureRate, summarizeRuns } from './measured-work.ts';

const start = Date.parse('2024-05-01T00:00:00Z');

const run = (epoch: number, elapsedSeconds: number, documents: number, more: Partial<RunRecord> = {}): RunRecord => ({
  migrationId: 1,
  epoch,
  command: 'migrate',
  executor: 'h:1:0:',
  toolVersion: '1',
  startedAt: new Date(start + epoch * 86_400_000).toISOString(),
  updatedAt: new Date(start).toISOString(),
  endedAt: undefined,
  end: undefined,
  elapsedSeconds,
  silentSeconds: 0,
  phase: 'ended',
  hold: 'none',
  controlSeen: 0,
  planned: 0,
  plannedBytes: 0,
  doneBefore: 0,
  documents,
  bytes: documents * 1000,
  toClean: 0,
  cleaned: 0,
  inFlight: 0,
  retries: 2,
  failures: 0,
  switched: 0,
  switchSeconds: undefined,
  pausedSeconds: 0,
  ...more,
});

const sample = (epoch: number, seconds: number, documents: number, phase: Sample['phase']): Sample => ({
  epoch,
  at: new Date(start + epoch * 86_400_000 + seconds * 1000).toISOString(),
  phase,
  documents,
  bytes: documents * 1000,
  cleaned: 0,
  inFlight: 0,
  retries: 0,
  failures: 0,
});

test('the rate is that of the time in which was copied, stalls included, planning and cleaning left out', () => {
  const samples = [
    sample(1, 10, 0, 'copying'),
    sample(1, 20, 100, 'copying'),
    sample(1, 40, 100, 'copying'),
    sample(1, 50, 200, 'cleaning'),
  ];
  const work = summarizeRuns([run(1, 90, 200)], samples);
  assert.deepEqual([work.workSeconds, work.copySeconds, work.documentsPerSecond], [90, 40, 5]);
  assert.equal(work.bytesPerSecond, 5000);
});

test('pauses are no work; a run that copied nothing has no rate; without samples the whole run counts', () => {
  const runs = [run(1, 100, 0), run(2, 60, 100, { pausedSeconds: 40 })];
  const work = summarizeRuns(runs, []);
  assert.deepEqual([work.workSeconds, work.copySeconds, work.documentsPerSecond, work.retries], [120, 20, 5, 4]);
  assert.equal(summarizeRuns([run(1, 100, 0)], []).documentsPerSecond, null);
});

test('the rate over time leaves out the time between runs', () => {
  const points = measureRate(
    [run(1, 20, 100), run(3, 10, 50)],
    [sample(1, 10, 80, 'copying'), sample(3, 5, 0, 'copying')],
  );
  assert.deepEqual(
    points.map((point) => [point.fromSeconds, point.toSeconds, point.documentsPerSecond]),
    [
      [0, 10, 8],
      [10, 20, 2],
      [20, 25, 0],
      [25, 30, 10],
    ],
  );
});
