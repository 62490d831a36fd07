import type { AppError } from '../../core/errors.ts';
import type { Driver } from '../contract.ts';
import type { Operation } from './forwarding-driver.ts';
import { limitConcurrency, type ConcurrencyOptions } from './limit-concurrency.ts';
import type { Limits } from './limits.ts';
import { DEFAULT_RETRY, retryDriver, type RetryOptions } from './retry.ts';
import { throttle } from './throttle.ts';
import { limitTime, type TimeoutOptions } from './timeouts.ts';

export interface StandardOptions {
  readonly retry?: Partial<RetryOptions>;
  readonly timeouts?: Partial<TimeoutOptions>;
  readonly concurrency?: ConcurrencyOptions;
  /** What an operator allows, which may change at any time. */
  readonly limits?: Limits;
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
 * it waits for its turn or for an operator's limits, and a try that ran out of it is tried again.
 */
export const makeReliable = (plain: Driver, options: StandardOptions = {}): Driver => {
  const { limits, onRetry } = options;
  const driver = options.observe?.(plain) ?? plain;
  const network = isOnNetwork(driver);
  const timed = network ? limitTime(driver, { ...DEFAULT_TIMEOUTS, ...options.timeouts }) : driver;
  const paced = limits === undefined ? timed : throttle(timed, limits);
  // Only what is asked for by an operator holds back what has its own measure.
  const own = network ? options.concurrency : { start: Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };
  const limited =
    network || limits !== undefined ? limitConcurrency(paced, { ...own, ...(limits && { limits }) }) : paced;
  return retryDriver(limited, { ...DEFAULT_RETRY, ...options.retry, ...(onRetry && { onRetry }) });
};
