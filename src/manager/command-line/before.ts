import type { Declare } from './declare.ts';
import { addMigrateOptions } from './options.ts';
import { addReckonedLimits } from './run-options.ts';

/** What is asked before a migration. */
export const declareBefore = (add: Declare): void => {
  add(
    'check [configfile]',
    'Write, read, compare and remove a small document through a configuration; or compare those of all nodes.',
    async () => (await import('../commands/check.ts')).check,
  )
    .option('--analysis-archive', 'Check the section analysis_archive.')
    .option(
      '--nodes <configfile...>',
      'Write nothing: compare the archives in these files with each other, and with where the archive is now.',
    );
  addReckonedLimits(
    addMigrateOptions(
      add(
        'plan <from> <to>',
        'Say what migrate would do, how long it would take and what stands in its way; changes nothing.',
        async () => (await import('../commands/plan.ts')).plan,
      ),
    ),
  ).option('--deep', 'Read every document of the source, not a sample.');
  add(
    'list-drivers',
    'Show the drivers that can be a source or a destination.',
    async () => (await import('../commands/list-drivers.ts')).listDrivers,
  );
};
