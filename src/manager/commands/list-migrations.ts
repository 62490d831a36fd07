import { renderPlainTable } from '../../core/plain-table.ts';
import { connectDatabase } from '../connect-database.ts';
import type { Command } from '../context.ts';
import { listTasks, type MigrationTask } from '../task-store.ts';

const COLUMNS: readonly (readonly [title: string, value: (task: MigrationTask) => string | number | null])[] = [
  ['id', (task) => task.id],
  ['state', (task) => task.state],
  ['start time', (task) => task.startedAt],
  ['end time', (task) => task.endedAt],
  ['from', (task) => task.fromDriver],
  ['to', (task) => task.toDriver],
  ['migrated count', (task) => task.documentsMigrated],
  ['total to migrate', (task) => task.documentsToMigrate],
  ['last updated', (task) => task.lastUpdated],
];

/** Prints all migrations of this database, those of the original tool too, in the guide's columns. Changes nothing. */
export const listMigrations: Command = async (context) => {
  await using db = await connectDatabase(context, { tables: 'leave' });
  const tasks = await listTasks(db);
  const rows = tasks.map((task) => COLUMNS.map(([, value]) => String(value(task) ?? 'None')));
  context.output.text(
    renderPlainTable(
      COLUMNS.map(([title]) => title),
      rows,
      'centre',
    ),
  );
  context.output.object({ migrations: tasks });
  return 0;
};
