import type { Run } from './run.ts';

/** What a request whose sender has given up may still do to the destination (rule R9). */

/** Whether it can take effect at all after its sender has stopped waiting: not where a session or a system call ends with it. */
export const canLandLate = ({ to: { driver } }: Pick<Run, 'to'>): boolean =>
  !driver.capabilities.inDatabase && driver.name !== 'localfs';

/**
 * Whether a write that was to create something spares what stands there by then. A copy that the store makes by itself does
 * not: it has no such condition.
 */
export const createsOnly = ({ to: { driver }, sharedNamespace }: Pick<Run, 'to' | 'sharedNamespace'>): boolean =>
  driver.capabilities.conditionalPut && !(sharedNamespace && driver.copyWithin !== undefined);
