import type { Declare } from './declare.ts';
import { addLimitOptions } from './run-options.ts';
import { FROM, TO } from './options.ts';

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
    'watch [id]',
    'Show a running migration, from any terminal or machine, until it ends; its exit code is that of the run.',
    async () => (await import('../commands/watch.ts')).watch,
  );
  add(
    'pause <id>',
    'Let a running migration begin nothing more, until resume; it keeps its lock.',
    async () => (await import('../commands/pause.ts')).pause,
  );
  addLimitOptions(
    add(
      'limit <id>',
      'Change what a running migration may ask of its stores.',
      async () => (await import('../commands/limit.ts')).limit,
    ),
  );
  add(
    'report <id>',
    'Summarize one migration: what moved, how long it took, how fast, what failed, what is left to do.',
    async () => (await import('../commands/report.ts')).report,
  ).option('--output <file>', 'Write a report to this file instead: a page for people (.html) or data (.json).');
  add(
    'support-bundle <id>',
    'Collect what a question about a migration needs in one archive: configuration without secrets, journal, failures, versions, settings.',
    async () => (await import('../commands/support-bundle.ts')).supportBundle,
  )
    .option('--output <file>', 'The archive to write. Default: anchore-migration-ID.tar.gz.')
    .option(...FROM)
    .option(...TO);
};
