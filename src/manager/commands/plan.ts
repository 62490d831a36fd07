import { connectDatabase } from '../connect-database.ts';
import type { Command } from '../context.ts';
import { wantsReclaim } from '../held-space.ts';
import { makePlan } from '../plan/make-plan.ts';
import { renderPlan } from '../plan/render-plan.ts';
import { parseLimits } from '../progress/run-options.ts';
import { loadBoth, requestOptionsOf } from '../request-options.ts';

/** `plan FROM TO`: says everything that can be known before a migration, and changes nothing. Exit 3 where `migrate` would be refused. */
export const plan: Command = async (context, input) => {
  const options = requestOptionsOf(input);
  const reclaims = wantsReclaim(input);
  const limits = parseLimits(input);
  const { from, to } = await loadBoth(context, input);
  await using db = await connectDatabase(context, { config: from.file, tables: 'leave' });
  const made = await makePlan(context, input, db, { from, to, options, reclaims, limits, deep: input.flag('deep') });
  context.output.text(renderPlan(made));
  context.output.object(made);
  return made.exit;
};
