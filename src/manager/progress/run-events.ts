import type { LimitValues } from '../../drivers/wrappers/limits.ts';
import type { Control } from '../../migration/control-store.ts';
import type { ProgressEvent } from '../../migration/run.ts';
import type { RunProgress } from '../../migration/run-store.ts';
import type { Rate } from './rate.ts';
import type { RunView } from './run-state.ts';

/**
 * The events of `--json`, one object a line. `docs/events.schema.json` is their published schema: what is said there
 * stays; more may come.
 */

const stamp = (event: string, view: RunView): object => ({
  event,
  at: new Date().toISOString(),
  migration: view.identity.migrationId,
});

const limitsOf = (limits: LimitValues): object => ({
  bandwidthBytesPerSecond: limits.bandwidthBytesPerSecond ?? null,
  requestsPerSecond: limits.requestsPerSecond ?? null,
  concurrency: limits.concurrency ?? null,
});

const figuresOf = (progress: RunProgress): object => ({
  phase: progress.phase,
  hold: progress.hold,
  planned: progress.planned,
  plannedBytes: progress.plannedBytes,
  copiedBefore: progress.doneBefore,
  copied: progress.documents,
  copiedBytes: progress.bytes,
  failed: progress.failures,
  switched: progress.switched,
  switchSeconds: progress.switchSeconds ?? null,
  toClean: progress.toClean,
  cleaned: progress.cleaned,
  inFlight: progress.inFlight,
  retries: progress.retries,
  pausedSeconds: rounded(progress.pausedSeconds),
});

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

export const startedEvent = (view: RunView): object => ({
  ...stamp('started', view),
  command: view.identity.command,
  kind: view.identity.kind,
  from: view.identity.from,
  to: view.identity.to,
  resumed: view.identity.resumed,
});

export const phaseEvent = (view: RunView): object => ({ ...stamp('phase', view), phase: view.progress.phase });

export const failedEvent = (view: RunView, failure: Extract<ProgressEvent, { type: 'failed' }>): object => ({
  ...stamp('failed', view),
  document: failure.document,
  code: failure.code,
  text: failure.text,
});

export const switchedEvent = (view: RunView, done: Extract<ProgressEvent, { type: 'switched' }>): object => ({
  ...stamp('switched', view),
  documents: done.documents,
  seconds: rounded(done.seconds),
});

export const controlEvent = (view: RunView, control: Control): object => ({
  ...stamp('control', view),
  paused: control.paused,
  limits: limitsOf(control),
  by: control.setBy ?? null,
});

export const progressEvent = (view: RunView, rate: Rate): object => ({
  ...stamp('progress', view),
  elapsedSeconds: rounded(view.elapsedSeconds),
  ...figuresOf(view.progress),
  documentsPerSecond: rounded(rate.documentsPerSecond),
  bytesPerSecond: rounded(rate.bytesPerSecond),
  secondsLeft: rate.secondsLeft === undefined ? null : Math.ceil(rate.secondsLeft),
  limits: limitsOf(view.limits),
});

export const endedEvent = (view: RunView): object => ({
  ...stamp('ended', view),
  outcome: view.end?.outcome ?? 'killed',
  exit: view.end?.exitCode ?? null,
  error: view.end?.errorText ?? null,
  elapsedSeconds: rounded(view.elapsedSeconds),
  ...figuresOf(view.progress),
});
