import { AppError } from '../../core/errors.ts';
import { findControl } from '../../migration/control-store.ts';
import type { CommandInput } from '../context.ts';
import type { ExitCode } from '../exit-code.ts';
import { connectForId, getRecord, loadJournalled, parseId } from '../journalled.ts';
import { requestOptionsOf } from '../request-options.ts';
import { observed, type ObservedContext } from '../progress/observed.ts';
import { askRun, findLiveRun } from '../running-migration.ts';
import { runBetween } from './migrate.ts';
import { reportAsked } from './pause.ts';

const continueMigration = async (
  context: ObservedContext,
  input: CommandInput,
  onlyFailed: boolean,
): Promise<ExitCode> => {
  const id = parseId(input);
  await using db = await connectForId(context, input);
  const record = await getRecord(db, id);
  const live = onlyFailed ? undefined : await findLiveRun(db, id);
  if (live !== undefined && (await findControl(db, id))?.paused === true) {
    const answer = await askRun(db, live, { paused: false }, context.signal, (run) => run.hold === 'none');
    return reportAsked(context, answer, `Migration ${id} goes on`);
  }
  if (record.kind === 'rollback')
    throw new AppError(
      'usage.invalid',
      `migration ${id} is a rollback: run rollback ${record.rollsBack ?? ''} again to continue it`,
    );
  const { from, to } = await loadJournalled(context, input, record);
  const options = requestOptionsOf(input);
  const request = {
    ...options,
    buckets: record.scope.buckets ?? [],
    keepSource: options.keepSource || record.keepSource,
    move: record.move,
  };
  const ask = !input.flag('dontask');
  return await runBetween(context, db, { from, to, request, online: false, ask, id, retryOnly: onlyFailed });
};

/** `resume ID`: lets a paused migration go on; else continues an unfinished migration with the configurations with which it began. */
export const resume = observed('resume', (context, input) => continueMigration(context, input, false));

/** `retry ID`: copies the failed documents alone once more; after the switch, switches and cleans them too. */
export const retry = observed('retry', (context, input) => continueMigration(context, input, true));
