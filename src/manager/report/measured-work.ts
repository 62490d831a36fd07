import type { RunRecord, Sample } from '../../migration/run-store.ts';

/** What all runs of a migration did together. */
export interface WorkSummary {
  /** Time in which runs worked, pauses apart, in seconds. */
  readonly workSeconds: number;
  /** The part of it that was copying. */
  readonly copySeconds: number;
  /** Documents copied, again or for the first time, and their bytes at the source. */
  readonly documents: number;
  readonly bytes: number;
  readonly documentsPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  readonly retries: number;
}

/** The rate from one sample to the next. */
export interface RatePoint {
  /** Where it begins and ends, in seconds of work since the first run began; the time between runs is left out. */
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly documentsPerSecond: number;
  readonly bytesPerSecond: number;
}

const secondsBetween = (from: string, to: string): number => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);

const samplesOf = (run: RunRecord, samples: readonly Sample[]): readonly Sample[] =>
  samples.filter(({ epoch }) => epoch === run.epoch);

/** Time in which a run was copying, or copied something, in seconds; all of it where there are no samples. */
const copySecondsOf = (run: RunRecord, samples: readonly Sample[]): number => {
  if (run.documents === 0) return 0;
  let copySeconds = 0;
  let before = { seconds: 0, documents: 0, copies: false };
  const add = (seconds: number, documents: number, copies: boolean): void => {
    if (before.copies || documents > before.documents) copySeconds += Math.max(0, seconds - before.seconds);
    before = { seconds, documents, copies };
  };
  for (const { at, documents, phase } of samplesOf(run, samples))
    add(secondsBetween(run.startedAt, at), documents, phase === 'copying' || phase === 'moving');
  add(run.elapsedSeconds, run.documents, false);
  return copySeconds;
};

export const summarizeRuns = (runs: readonly RunRecord[], samples: readonly Sample[]): WorkSummary => {
  const sum = (value: (run: RunRecord) => number): number => runs.reduce((total, run) => total + value(run), 0);
  const documents = sum((run) => run.documents);
  const bytes = sum((run) => run.bytes);
  const copySeconds = sum((run) => Math.max(0, copySecondsOf(run, samples) - run.pausedSeconds));
  return {
    workSeconds: Math.max(
      0,
      sum((run) => run.elapsedSeconds - run.pausedSeconds),
    ),
    copySeconds,
    documents,
    bytes,
    documentsPerSecond: copySeconds > 0 ? documents / copySeconds : null,
    bytesPerSecond: copySeconds > 0 ? bytes / copySeconds : null,
    retries: sum((run) => run.retries),
  };
};

/** The rate over the time that runs took, one after the other. */
export const measureRate = (runs: readonly RunRecord[], samples: readonly Sample[]): readonly RatePoint[] => {
  const points: RatePoint[] = [];
  let startSeconds = 0;
  for (const run of runs) {
    let before = { seconds: 0, documents: 0, bytes: 0 };
    const add = (seconds: number, documents: number, bytes: number): void => {
      const span = seconds - before.seconds;
      if (span <= 0) return;
      points.push({
        fromSeconds: startSeconds + before.seconds,
        toSeconds: startSeconds + seconds,
        documentsPerSecond: Math.max(0, documents - before.documents) / span,
        bytesPerSecond: Math.max(0, bytes - before.bytes) / span,
      });
      before = { seconds, documents, bytes };
    };
    for (const sample of samplesOf(run, samples))
      add(secondsBetween(run.startedAt, sample.at), sample.documents, sample.bytes);
    add(run.elapsedSeconds, run.documents, run.bytes);
    startSeconds += run.elapsedSeconds;
  }
  return points;
};
