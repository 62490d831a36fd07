import { connectDatabase } from '../connect-database.ts';
import type { Command } from '../context.ts';
import { renderTaskTable } from '../task-table.ts';
import { listTasks } from '../task-store.ts';

/** Prints all migrations of this database, those of the original tool too, in the guide's columns. Changes nothing. */
export const listMigrations: Command = async (context) => {
  await using db = await connectDatabase(context, { tables: 'leave' });
  const tasks = await listTasks(db);
  context.output.text(renderTaskTable(tasks));
  context.output.object({ migrations: tasks });
  return 0;
};
