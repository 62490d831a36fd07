/**
 * Kills migrations, as `kill -9` does, and checks after each kill that no document is lost and the right configuration works:
 *
 *   npm run test:crash [-- --kills 200 --seed 1 --lanes 2 --only rollback]
 *
 * Prints where the kills landed. Fails if a check fails, or if a step or a phase was never hit. Kills from outside land where
 * time has it, so a seed repeats the plan of a run and not its every moment.
 */
import { parseArgs } from 'node:util';
import { runCrashes } from './crash-run.ts';
import { SCENARIOS } from './trial.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
    lanes: { type: 'string', default: '2' },
  },
});
const seed = Number(values.seed);
process.stdout.write(`seed ${seed}\n`);
const fail = (error: unknown): undefined => {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
};
const tally = await runCrashes({
  seed,
  kills: Number(values.kills),
  untilAllHit: values.only === undefined,
  only: SCENARIOS.find((scenario) => scenario === values.only),
  lanes: Number(values.lanes),
  report: (plan, { kills }) =>
    process.stdout.write(`${String(kills).padStart(4)} kills; ${plan.scenario} ${plan.from} -> ${plan.to}\n`),
}).catch(fail);
if (tally !== undefined)
  process.stdout.write(`${tally.kills} kills, none of which cost a document:\n${tally.render()}\n`);
for (const missed of values.only === undefined && tally !== undefined
  ? [...tally.findMissed(), ...tally.findMissedPhases()]
  : []) {
  process.stdout.write(`never hit: ${missed}\n`);
  process.exitCode = 1;
}
