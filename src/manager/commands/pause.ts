import type { Command, CommandContext } from '../context.ts';
import type { ExitCode } from '../exit-code.ts';
import { connectForId, getRecord, parseId } from '../journalled.ts';
import { pasteFor } from '../pasted-command.ts';
import { plainLine } from '../progress/describe-run.ts';
import { RateMeter } from '../progress/rate.ts';
import { viewOfRecord } from '../progress/recorded-view.ts';
import { askRun, getLiveRun } from '../running-migration.ts';

/** Says how a run has taken what it was asked. */
export const reportAsked = (
  context: CommandContext,
  answer: Awaited<ReturnType<typeof askRun>>,
  done: string,
): ExitCode => {
  const { run, answered } = answer;
  const hasEnded = run.end !== undefined;
  const text = hasEnded
    ? `Migration ${run.migrationId} has ended meanwhile: ${run.end?.outcome ?? 'killed'}`
    : answered
      ? done
      : `The process that runs migration ${run.migrationId} (${run.executor}) has not answered yet; it will go by this when it does`;
  context.output.text(text);
  context.output.object({
    id: run.migrationId,
    answered,
    phase: run.phase,
    hold: run.hold,
    ended: run.end?.outcome ?? null,
  });
  return answered || hasEnded ? 0 : 1;
};

/** `pause ID`: a running migration begins nothing more, until `resume ID`; it keeps its lock, and nothing is half done. */
export const pause: Command = async (context, input) => {
  const id = parseId(input);
  await using db = await connectForId(context, input);
  const record = await getRecord(db, id);
  const live = await getLiveRun(db, id);
  const answer = await askRun(db, live, { paused: true }, context.signal, (run) => run.hold === 'paused');
  const line = plainLine(
    viewOfRecord(answer.run, record, {}),
    new RateMeter().measure(viewOfRecord(answer.run, record, {})),
  );
  return reportAsked(
    context,
    answer,
    `${line}\nIt holds its lock meanwhile. What lets it go on:\n  ${pasteFor(context, db)('resume', id)}`,
  );
};
