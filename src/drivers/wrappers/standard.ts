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
  /** Wraps the driver beneath all others, so that it sees every try, and nothing that waits. */
  readonly observe?: (driver: Driver) => Driver;
  /** Told before each wait for another try. */
  readonly onRetry?: (operation: Operation, subject: string, error: AppError) => void;
}

/** What a request to a store on the network may take. A migration's quiet period (rule R9) is longer than `idleMs`. */
const DEFAULT_TIMEOUTS: TimeoutOptions = { idleMs: 60_000, totalMs: 60 * 60 * 1000 };

/**
 * A database has time limits of its own, and works for a while on one large value without a sign of life; its connections
 * are its limit. A folder answers or fails.
 */
const isOnNetwork = ({ capabilities, name }: Driver): boolean => !capabilities.inDatabase && name !== 'localfs';

/**
 * The wrappers that every store gets, in the one order that works: each try has its own time, which does not run while
 * it waits for its turn, and a try that ran out of it is tried again.
 */
export const makeReliable = (plain: Driver, options: StandardOptions = {}): Driver => {
  const { onRetry } = options;
  const driver = options.observe?.(plain) ?? plain;
  const limited = isOnNetwork(driver)
    ? limitConcurrency(limitTime(driver, { ...DEFAULT_TIMEOUTS, ...options.timeouts }), options.concurrency)
    : driver;
  return retryDriver(limited, { ...DEFAULT_RETRY, ...options.retry, ...(onRetry && { onRetry }) });
};
