import type { Declare } from './declare.ts';

/** What looks at migrations, running or done. */
export const declareWatching = (add: Declare): void => {
  add(
    'list-migrations',
    'List all migrations and their results.',
    async () => (await import('../commands/list-migrations.ts')).listMigrations,
  );
  add(
    'show-migration <id>',
    'Show one migration: stores, counts, which configuration works, what failed.',
    async () => (await import('../commands/show-migration.ts')).showMigration,
  )
    .option('--failed', 'List every failed document with its reason.')
    .option('--skipped', 'List every document that was left where it is, with the reason.');
  add(
    'report <id>',
    'Summarize one migration: what moved, how long it took, how fast, what failed, what is left to do.',
    async () => (await import('../commands/report.ts')).report,
  ).option('--output <file>', 'Write a report to this file instead: a page for people (.html) or data (.json).');
};
