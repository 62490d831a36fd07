import { messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** Does something again and again, never twice at once; ends with what it was doing. */
export const repeat = (
  intervalMs: number,
  log: Log,
  work: (signal: AbortSignal) => Promise<unknown>,
): AsyncDisposable => {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work(stop.signal)
      .then(
        () => undefined,
        (error: unknown) => {
          if (!stop.signal.aborted) log.warn(`work in the background failed: ${messageOf(error)}`);
        },
      )
      .finally(() => {
        running = undefined;
      });
  }, intervalMs);
  timer.unref();
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      stop.abort();
      await running;
    },
  };
};
