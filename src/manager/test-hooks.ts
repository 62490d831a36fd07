import { z } from 'zod';
import type { Environment } from '../config/environment.ts';
import { FAULT_POINTS, type FaultPoints } from '../migration/fault-points.ts';
import { DEFAULT_SETTINGS, type Settings } from '../migration/run.ts';
import { TEST_HOOKS_VARIABLE } from './test-hooks-warning.ts';

const schema = z.object({
  settings: z.partialRecord(z.enum(Object.keys(DEFAULT_SETTINGS) as (keyof Settings)[]), z.number()).optional(),
  /** Dies, as by `kill -9`, when the point is reached for the `hit`th time. */
  kill: z.object({ point: z.enum(FAULT_POINTS), hit: z.number().int().min(1).default(1) }).optional(),
});

export interface TestHooks {
  readonly settings: Partial<Settings>;
  readonly faults: FaultPoints | undefined;
}

/** Makes a real process die at a named step, and periods short. That it does so is said at each start. */
export const readTestHooks = (environment: Environment): TestHooks | undefined => {
  const text = environment[TEST_HOOKS_VARIABLE];
  if (!text) return undefined;
  const { settings, kill } = schema.parse(JSON.parse(text));
  let hits = 0;
  return {
    settings: Object.fromEntries(Object.entries(settings ?? {})) as Partial<Settings>,
    faults: kill && {
      reach: async (point) => {
        if (point !== kill.point) return;
        hits += 1;
        if (hits === kill.hit) process.kill(process.pid, 'SIGKILL');
      },
    },
  };
};
