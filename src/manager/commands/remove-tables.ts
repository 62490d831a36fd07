import { AppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import { refuseWhileUnfinished, removeTables as removeOwnTables, updateJournal } from '../../migration/journal.ts';
import { findJournalNeeds, type JournalNeed, listUndoable } from '../../migration/journal-need.ts';
import { connectDatabase } from '../connect-database.ts';
import type { Command, CommandContext } from '../context.ts';
import { PLACES } from '../places.ts';
import { wrapText } from '../wrap-text.ts';
import { confirm } from '../prompt.ts';
import { hasJournal } from '../task-store.ts';

/** Throws `refused.journal-needed`; with `force` only says why. */
const heedNeeds = (context: CommandContext, needs: readonly JournalNeed[], force: boolean): void => {
  if (force) {
    for (const { reason } of needs) context.log.at(PLACES.removeTables).warn(`--force: ${reason}`);
    return;
  }
  if (needs.length === 0) return;
  throw new AppError('refused.journal-needed', needs.map(({ reason }) => reason).join('; and '), {
    remedy: `First ${needs.map(({ remedy }) => remedy).join('; and ')}. --force removes the tables all the same`,
  });
};

/** All that is given up, item by item: what is answered with y should be known. */
const describeLoss = async (db: Database, needs: readonly JournalNeed[]): Promise<readonly string[]> => {
  const undoable = await listUndoable(db);
  const items = [
    ...needs.map(({ reason }) => reason),
    ...(undoable.length === 0
      ? []
      : [`rollback and clean of what still has its source: migration ${undoable.join(', ')}`]),
    'retry, show-migration, report and support-bundle of every migration: which documents failed or stayed behind, and why',
    'anchore-engine, check --nodes and migrate no longer know which store the archive has left: a configuration that still names it is not told as such',
  ];
  return [
    `This removes the journals of all migrations from ${db.description}. What is given up:`,
    ...items.flatMap((item) =>
      wrapText(item, '    ').map((line, index) => (index === 0 ? line.replace('    ', '  - ') : line)),
    ),
    "Anchore's own tables, the list of migrations in them, and all documents stay.",
  ];
};

/** `remove-tables`: removes our own tables. Anchore's, and the list of migrations in them, stay. */
export const removeTables: Command = async (context, input) => {
  const { output, terminal, signal } = context;
  await using db = await connectDatabase(context, { tables: 'leave' });
  if (!(await hasJournal(db))) {
    output.text("This tool's own tables are not in this database: there is nothing to remove.");
    output.object({ removed: false });
    return 0;
  }
  await updateJournal(db);
  await refuseWhileUnfinished(db);
  const needs = await findJournalNeeds(db);
  heedNeeds(context, needs, input.flag('force'));
  if (!input.flag('dontask')) {
    if (terminal.input.isTTY === true) terminal.output.write(`${(await describeLoss(db, needs)).join('\n')}\n`);
    await confirm('Remove them - proceed? (y/N)', terminal, signal);
  }
  await removeOwnTables(db);
  output.text("This tool's own tables are removed.");
  output.object({ removed: true });
  return 0;
};
