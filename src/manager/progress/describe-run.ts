import { readableBytes } from '../../core/readable-bytes.ts';
import { unreachable } from '../../core/errors.ts';
import type { LimitValues } from '../../drivers/wrappers/limits.ts';
import type { RunPhase, RunProgress } from '../../migration/run-store.ts';
import type { Rate } from './rate.ts';
import type { RunView } from './run-state.ts';

/** `26,000`: figures of many digits are read at a glance only in groups. */
export const readableCount = (count: number): string => Math.round(count).toLocaleString('en-US');

/** `45 s`, `3 min 05 s`, `2 h 10 min`, `3 d 04 h`. */
export const readableSeconds = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86_400)} d ${two(Math.floor((whole % 86_400) / 3600))} h`;
};

/** How long a switch took: the same digits wherever it is told. */
export const switchText = (seconds: number): string => `${seconds.toFixed(2)} s`;

/** What is left is a guess, and is said like one: never to the second where it is long. */
const readableLeft = (seconds: number): string => {
  if (seconds < 90) return `about ${Math.max(1, Math.ceil(seconds / 5) * 5)} s left`;
  if (seconds < 5400) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${(seconds / 3600).toFixed(1)} h left`;
};

/** What the phase is called for a person. */
export const phaseText = (phase: RunPhase): string => {
  switch (phase) {
    case 'preparing':
      return 'Preparing';
    case 'planning':
      return 'Planning';
    case 'copying':
      return 'Copying';
    case 'confirming':
      return 'Confirming earlier copies';
    case 'moving':
      return 'Moving batch by batch';
    case 'switching':
      return 'Switching';
    case 'cleaning':
      return 'Cleaning the source';
    case 'finishing':
      return 'Finishing';
    case 'ended':
      return 'Ended';
    default:
      return unreachable(phase);
  }
};

/** How much of what the phase does is done, from 0 to 1; undefined for what has no measure. */
export const shareDone = (progress: RunProgress): number | undefined => {
  const share = (done: number, all: number): number | undefined => (all > 0 ? Math.min(1, done / all) : undefined);
  switch (progress.phase) {
    case 'copying':
    case 'moving':
      // By bytes where they are known: one large document is worth many small ones.
      return progress.plannedBytes > 0
        ? share(progress.bytes, progress.plannedBytes)
        : share(progress.documents + progress.failures, progress.planned);
    case 'cleaning':
      return share(progress.cleaned, progress.toClean);
    default:
      return undefined;
  }
};

const plural = (count: number, word: string): string =>
  `${readableCount(count)} ${word}${count === 1 || word.endsWith('ed') ? '' : 's'}`;

/** What is done of what, in the words of the phase. */
const workDone = (progress: RunProgress): readonly string[] => {
  const copied = [
    `${readableCount(progress.documents)} of ${readableCount(progress.planned)} documents`,
    progress.plannedBytes > 0
      ? `${readableBytes(progress.bytes)} of ${readableBytes(progress.plannedBytes)}`
      : readableBytes(progress.bytes),
  ];
  const before = progress.doneBefore > 0 ? [`${readableCount(progress.doneBefore)} copied before`] : [];
  switch (progress.phase) {
    case 'preparing':
    case 'planning':
      return [];
    case 'cleaning':
      return [`${readableCount(progress.cleaned)} of ${readableCount(progress.toClean)} documents deleted`];
    case 'copying':
    case 'moving':
      return [...copied, ...before];
    default:
      return [...copied, ...before];
  }
};

const speed = (progress: RunProgress, rate: Rate): readonly string[] => {
  switch (progress.phase) {
    case 'copying':
    case 'moving':
      return [
        `${rate.documentsPerSecond.toFixed(rate.documentsPerSecond < 10 ? 1 : 0)} documents/s`,
        `${readableBytes(rate.bytesPerSecond)}/s`,
      ];
    case 'cleaning':
      return [`${rate.documentsPerSecond.toFixed(rate.documentsPerSecond < 10 ? 1 : 0)} documents/s`];
    default:
      return [];
  }
};

/** What is limited, and to what. */
export const limitTexts = (limits: LimitValues): readonly string[] => {
  const { bandwidthBytesPerSecond, requestsPerSecond, concurrency } = limits;
  return [
    ...(bandwidthBytesPerSecond === undefined ? [] : [`at most ${readableBytes(bandwidthBytesPerSecond)}/s`]),
    ...(requestsPerSecond === undefined ? [] : [`at most ${plural(requestsPerSecond, 'request')}/s`]),
    ...(concurrency === undefined ? [] : [`at most ${plural(concurrency, 'request')} at once`]),
  ];
};

/** `paused`, where it is held. */
export const holdText = ({ hold, phase }: RunProgress): string | undefined => {
  if (hold === 'none') return undefined;
  if (hold === 'pausing') return 'pausing: finishing what is under way';
  return phase === 'switching' ? 'paused before the switch' : 'paused';
};

/** The figures of a run, in parts that can stand on one line or several. */
export const figures = (view: RunView, rate: Rate): readonly string[] => {
  const { progress } = view;
  const isHeld = progress.hold !== 'none';
  return [
    ...workDone(progress),
    ...(isHeld ? [] : speed(progress, rate)),
    ...(progress.switchSeconds === undefined ? [] : [`switched in ${switchText(progress.switchSeconds)}`]),
    `${readableCount(progress.inFlight)} in flight`,
    progress.retries === 1 ? '1 retry' : `${readableCount(progress.retries)} retries`,
    `${readableCount(progress.failures)} failed`,
    ...limitTexts(view.limits),
  ];
};

export const timeLeft = (view: RunView, rate: Rate): string | undefined =>
  view.progress.hold === 'none' && rate.secondsLeft !== undefined ? readableLeft(rate.secondsLeft) : undefined;

/** Where a run was, for the end of one that was broken off. */
export const soFar = (view: RunView): string =>
  `${phaseText(view.progress.phase).toLowerCase()}, ${workDone(view.progress).join(', ')}`.replace(/, $/, '');

/** A line of a log: what someone sees who does not sit at a terminal. */
export const plainLine = (view: RunView, rate: Rate): string => {
  const { progress } = view;
  const share = shareDone(progress);
  const parts = [
    ...(share === undefined ? [] : [`${Math.floor(share * 100)} %`]),
    ...figures(view, rate),
    timeLeft(view, rate) ?? `${readableSeconds(view.elapsedSeconds)} since it began`,
  ];
  const hold = holdText(progress);
  return `${phaseText(progress.phase)}${hold === undefined ? '' : ` (${hold})`}: ${parts.join(', ')}`;
};
