/**
 * Named steps at which a test can end the process or throw, to show that every step can be interrupted. Outside tests
 * nothing is armed. The names are listed so that the crash harness can hit each of them.
 */
export const FAULT_POINTS = [
  'plan.before-commit',
  'plan.after-commit',
  'copy.after-claim',
  'copy.after-intent',
  'copy.after-write',
  'copy.after-record',
  'confirm.before-record',
  'switch.before-update',
  'switch.before-commit',
  'switch.after-commit',
  'clean.after-phase',
  'clean.after-canary-delete',
  'clean.after-intent',
  'clean.after-delete',
  'clean.after-record',
  'finish.before-commit',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

export interface FaultPoints {
  reach(point: FaultPoint): Promise<void>;
}

export const noFaults: FaultPoints = { reach: () => Promise.resolve() };
