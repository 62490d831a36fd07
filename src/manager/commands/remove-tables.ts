import { removeTables as removeOwnTables } from '../../migration/journal.ts';
import { connectDatabase } from '../connect-database.ts';
import type { Command } from '../context.ts';
import { confirm } from '../prompt.ts';
import { hasJournal } from '../task-store.ts';

/** `remove-tables`: removes our own tables. Anchore's, and the list of migrations in them, stay. */
export const removeTables: Command = async (context, input) => {
  const { output } = context;
  await using db = await connectDatabase(context, { tables: 'leave' });
  if (!(await hasJournal(db))) {
    output.text("This tool's own tables are not in this database: there is nothing to remove.");
    output.object({ removed: false });
    return 0;
  }
  if (!input.flag('dontask')) {
    const question = `This removes the journals of all migrations from ${db.description}: no more rollback, clean or retry - proceed? (y/N)`;
    await confirm(question, context.terminal, context.signal);
  }
  await removeOwnTables(db);
  output.text("This tool's own tables are removed.");
  output.object({ removed: true });
  return 0;
};
