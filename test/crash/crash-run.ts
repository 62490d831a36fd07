import { startFauxqs } from '../support/fauxqs.ts';
import { KillTally } from './kill-plan.ts';
import { planTrial, runTrial, type Scenario, type TrialPlan } from './trial.ts';

export interface CrashRunOptions {
  readonly seed: number;
  /** Trials begin until so many kills have landed. */
  readonly kills: number;
  /** Go on beyond that number until every step and phase was hit, at most twice as far. */
  readonly untilAllHit: boolean;
  readonly lanes: number;
  /** Trials of this scenario alone. */
  readonly only?: Scenario | undefined;
  readonly report?: (plan: TrialPlan, tally: KillTally) => void;
}

/** Runs trials until enough kills have landed. Throws the first trial's failure, once those under way have ended. */
export const runCrashes = async (options: CrashRunOptions): Promise<KillTally> => {
  await using s3 = await startFauxqs();
  const tally = new KillTally();
  const isEnough = (): boolean =>
    tally.kills >= options.kills &&
    (!options.untilAllHit ||
      tally.kills >= 2 * options.kills ||
      tally.findMissed().length + tally.findMissedPhases().length === 0);
  let index = 0;
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (!isEnough() && failures.length === 0) {
      const plan = planTrial(options.seed + index * 1000, index + options.seed, options.only);
      index += 1;
      try {
        await runTrial(plan, s3, tally);
        options.report?.(plan, tally);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: options.lanes }, lane));
  if (failures.length > 0) throw failures[0];
  return tally;
};
