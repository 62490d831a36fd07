import { renderPlainTable } from '../core/plain-table.ts';
import type { MigrationTask } from './task-store.ts';

/** The guide's columns; what ours adds stands behind them. */
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
  ['condition', (task) => task.condition],
];

/** Migrations as a table in the columns of the operator's guide. */
export const renderTaskTable = (tasks: readonly MigrationTask[]): string =>
  renderPlainTable(
    COLUMNS.map(([title]) => title),
    tasks.map((task) => COLUMNS.map(([, value]) => String(value(task) ?? 'None'))),
    'centre',
  );
