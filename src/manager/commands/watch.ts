import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import { type Control, findControl } from '../../migration/control-store.ts';
import { isLockHeld } from '../../migration/lock.ts';
import { getMigration, type MigrationRecord } from '../../migration/migration-store.ts';
import { findNewestRun, hasRuns, type RunRecord } from '../../migration/run-store.ts';
import { connectDatabase } from '../connect-database.ts';
import type { Command, CommandContext } from '../context.ts';
import type { ExitCode } from '../exit-code.ts';
import { parseId } from '../journalled.ts';
import { pasteFor } from '../pasted-command.ts';
import { PLACES } from '../places.ts';
import { figures, readableSeconds } from '../progress/describe-run.ts';
import { viewOfRecord } from '../progress/recorded-view.ts';
import { chooseRenderers, Show } from '../progress/renderers.ts';
import type { RunView } from '../progress/run-state.ts';
import { continuing } from '../report/left-to-do.ts';
import { wrapBlock } from '../wrap-text.ts';

const LOOK_MS = 1000;
/** A run writes every 2 s. One that has been silent for longer may be gone. */
const SILENT_SECONDS = 10;
/** Looks that may fail one after another before watching ends. */
const MAX_FAILED_LOOKS = 60;

/** One look at the database. */
interface Sight {
  readonly run: RunRecord;
  readonly control: Control | undefined;
  readonly seenMs: number;
}

const EXIT_CODES: readonly ExitCode[] = [0, 1, 2, 3, 4, 5, 130];

/** That of the run; of one that was killed, that of an interruption. */
const exitOf = (run: RunRecord): ExitCode => EXIT_CODES.find((code) => code === run.end?.exitCode) ?? 130;

const findRun = async (db: Database, id: number | undefined): Promise<RunRecord> => {
  const run = (await hasRuns(db)) ? await findNewestRun(db, id) : undefined;
  if (run !== undefined) return run;
  throw new AppError(
    'usage.invalid',
    id === undefined
      ? 'no migration has run yet'
      : `migration ${id} has not run, or ran before there was anything to watch`,
    { remedy: 'See list-migrations for the ids.' },
  );
};

/** Looks; a run that fell silent and whose lock is free was killed. */
const look = async (db: Database, id: number): Promise<Sight> => {
  const run = await findRun(db, id);
  const seenMs = performance.now();
  const control = await findControl(db, id);
  if (run.end !== undefined || run.silentSeconds < SILENT_SECONDS || (await isLockHeld(db)))
    return { run, control, seenMs };
  const end = { outcome: 'killed', exitCode: undefined, errorText: undefined };
  return { run: { ...run, phase: 'ended', hold: 'none', inFlight: 0, end }, control, seenMs };
};

/** As long as the run lasts, time goes on between two looks. */
const viewOf = ({ run, control, seenMs }: Sight, record: MigrationRecord): RunView => {
  const view = viewOfRecord(run, record, control ?? {});
  const sinceSeconds = run.end === undefined ? (performance.now() - seenMs) / 1000 : 0;
  return { ...view, elapsedSeconds: view.elapsedSeconds + sinceSeconds };
};

/** Follows the run until it ends; whoever shows it is told of each phase. */
const follow = async (context: CommandContext, db: Database, first: Sight, record: MigrationRecord): Promise<Sight> => {
  const log = context.log.at(PLACES.migration);
  let sight = first;
  let failedLooks = 0;
  using show = new Show(chooseRenderers(context, log), () => viewOf(sight, record));
  while (sight.run.end === undefined) {
    await sleep(LOOK_MS, undefined, { signal: context.signal });
    try {
      const next = await look(db, record.id);
      failedLooks = 0;
      const { phase } = sight.run;
      const revision = sight.control?.revision;
      sight = next;
      if (next.run.phase !== phase && next.run.end === undefined)
        show.happened({ type: 'phase', phase: next.run.phase });
      if (next.control !== undefined && next.control.revision !== revision) show.controlled(next.control);
    } catch (error) {
      if (!isAppError(error, 'database.lost', 'database.unreachable')) throw error;
      failedLooks += 1;
      if (failedLooks === 1) log.warn(`The database does not answer, trying again: ${error.message}`);
      if (failedLooks >= MAX_FAILED_LOOKS) throw error;
    }
  }
  show.ended();
  return sight;
};

const endText = (view: RunView, howToContinue: string): string => {
  const { identity, end } = view;
  const idle = { documentsPerSecond: 0, bytesPerSecond: 0, secondsLeft: undefined };
  const lines = [
    `Migration ${identity.migrationId} (${identity.command}) has ended after ${readableSeconds(view.elapsedSeconds)}: ${end?.outcome ?? 'killed'}`,
    `  ${figures(view, idle).join(', ')}`,
  ];
  if (end?.errorText !== undefined) lines.push(`  ${end.errorText}`);
  if (end?.outcome === 'killed')
    lines.push(`  Its process is gone without a word. What continues it:`, `  ${howToContinue}`);
  return lines.join('\n');
};

/** `watch [ID]`: shows a running migration, without an id the newest, until it ends; its exit code is that of the run. */
export const watch: Command = async (context, input) => {
  const id = input.argument(0) === '' ? undefined : parseId(input);
  await using db = await connectDatabase(context, { tables: 'leave' });
  const { migrationId } = await findRun(db, id);
  const record = await getMigration(db, migrationId);
  const last = await follow(context, db, await look(db, migrationId), record);
  const text = endText(viewOf(last, record), pasteFor(context, db)(...continuing(record)));
  context.output.text(wrapBlock(text, context.output.columns));
  return exitOf(last.run);
};
