import type { AppError } from '../../core/errors.ts';
import type { Driver } from '../contract.ts';
import type { Operation } from './forwarding-driver.ts';
import { limitConcurrency, type ConcurrencyOptions } from './limit-concurrency.ts';
import { DEFAULT_RETRY, retryDriver, type RetryOptions } from './retry.ts';
import { limitTime, type TimeoutOptions } from './timeouts.ts';

export interface StandardOptions {
  readonly retry?: Partial<RetryOptions>;
  readonly timeouts?: Partial<TimeoutOptions>;
  readonly concurrency?: ConcurrencyOptions;
  /** Told before each wait for another try. */
  readonly onRetry?: (operation: Operation, subject: string, error: AppError) => void;
}

/** A database may work for a while on one large value without a sign of life. */
const DEFAULT_TIMEOUTS: TimeoutOptions = { idleMs: 120_000, totalMs: 60 * 60 * 1000 };

/**
 * The wrappers that every store gets, in the one order that works: each try has its own time, which does not run while
 * it waits for its turn, and a try that ran out of it is tried again.
 */
export const makeReliable = (driver: Driver, options: StandardOptions = {}): Driver => {
  const timed = limitTime(driver, { ...DEFAULT_TIMEOUTS, ...options.timeouts });
  const limited = limitConcurrency(timed, options.concurrency);
  const { onRetry } = options;
  return retryDriver(limited, { ...DEFAULT_RETRY, ...options.retry, ...(onRetry && { onRetry }) });
};
