import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCrashes } from '../crash/crash-run.ts';

/** `npm run test:crash` kills 200 times and asks for every step; this many show on every run that the ground still holds. */
const KILLS = 25;

/** `npm run test:crash` tries others. */
const FIRST_SEED = 31;

test(`${KILLS} kills of real processes cost no document`, { timeout: 240_000 }, async (context) => {
  const seed = Number(process.env['TEST_SEED'] ?? FIRST_SEED);
  context.diagnostic(`TEST_SEED=${seed}`);
  const tally = await runCrashes({ seed, kills: KILLS, untilAllHit: false, lanes: 2 });
  assert.ok(tally.kills >= KILLS);
  context.diagnostic(`\n${tally.render()}`);
});
