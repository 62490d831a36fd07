/**
 * Plays the operator's guide against real processes (the service, PostgreSQL, an S3 server) with our commands alone, compares
 * all that can be read before and after, and holds README to what was seen.
 *
 *   npm run guide [-- --write]      --write: put the transcript into README
 *
 * An acceptance test: it imports nothing of src, which the architecture test holds.
 */
import { playBack, playThere } from './guide/migrate-offline.ts';
import { type Downtime, playWithPrecopy } from './guide/migrate-with-precopy.ts';
import { createNormaliser } from './guide/normalise.ts';
import { createPlace } from './guide/place.ts';
import { findDifference, writeReadme } from './guide/readme.ts';
import { Stage } from './guide/stage.ts';
import { Transcript } from './guide/transcript.ts';

const say = (text: string): void => void process.stdout.write(text);

const describeDowntime = (measured: Downtime): string => {
  const { seconds, stopping, migrating, starting, documents, writes } = measured;
  const parts = `stop ${stopping.toFixed(1)}, migrate ${migrating.toFixed(1)}, start ${starting.toFixed(1)}`;
  return `${seconds.toFixed(1)} s (${parts}) with ${documents} documents and ${writes} writes meanwhile`;
};

const main = async (): Promise<number> => {
  const startedMs = performance.now();
  await using place = await createPlace();
  const transcript = new Transcript(say);
  await using stage = new Stage(place, transcript);
  await playBack(stage, await playThere(stage));
  const downtime = await playWithPrecopy(stage);
  await stage.stopEngine();
  stage.expectNoSecret();
  const tookSeconds = (performance.now() - startedMs) / 1000;
  say(`Downtime with precopy: ${describeDowntime(downtime)}. The whole guide took ${tookSeconds.toFixed(0)} s.\n`);
  const shown = createNormaliser(place)(transcript.markdown);
  if (process.argv.includes('--write')) {
    await writeReadme(shown);
    say('Written to README.md.\n');
    return 0;
  }
  const difference = await findDifference(shown);
  if (difference === undefined) {
    say('Everything that was readable before is readable after, and README shows this very run.\n');
    return 0;
  }
  process.stderr.write(`README.md does not show this run: ${difference}\nnpm run guide -- --write puts it there.\n`);
  return 1;
};

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`The guide does not hold: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
