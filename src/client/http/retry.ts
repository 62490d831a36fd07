import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '../../core/errors.ts';

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 10_000;

/** Waits; throws `interrupted` where the signal comes first. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => {
    throw new AppError('interrupted', 'A signal stopped the command before it was done');
  });

/** Repeats what may be repeated, while it fails in a way that may pass: at most 4 times, as far apart as the service asks. */
export const retryReading = async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isAppError(error) || !error.retryable || attempt === ATTEMPTS) throw error;
      const pauseMs = error.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
      await pause(Math.min(pauseMs, MAX_PAUSE_MS), signal);
    }
  }
};
