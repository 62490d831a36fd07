import type { Declare } from './declare.ts';
import { DONTASK, FORCE, FROM, RECLAIM, TO, wholeNumber } from './options.ts';
import { addRunOptions } from './run-options.ts';

/** What undoes, finishes and proves. */
export const declareAfter = (add: Declare): void => {
  addRunOptions(
    add(
      'rollback <id>',
      'Bring a switched migration back, using the old documents, until its source has been cleaned.',
      async () => (await import('../commands/rollback.ts')).rollback,
    ),
  )
    .option(...FROM)
    .option(...TO)
    .option('--delete-copies', 'Remove our copies from the destination afterwards.')
    .option(...DONTASK)
    .option(...FORCE);
  addRunOptions(
    add(
      'clean <id>',
      'Delete from the source what a migration has switched, or finish that; the services have to be stopped.',
      async () => (await import('../commands/clean.ts')).clean,
    ),
  )
    .option(...RECLAIM)
    .option(...FROM)
    .option(...TO)
    .option(...DONTASK)
    .option(...FORCE);
  add(
    'verify <configfile>',
    'Read every document through a configuration and report what is missing, wrong or unreadable.',
    async () => (await import('../commands/verify.ts')).verify,
  )
    .option('--analysis-archive', 'Verify the section analysis_archive.')
    .option('--sample <count>', 'Read only so many documents, spread over the archive.', wholeNumber(1));
  add(
    'remove-tables',
    "Remove this tool's own tables (the journals) from the database; Anchore's stay.",
    async () => (await import('../commands/remove-tables.ts')).removeTables,
  )
    .option(...DONTASK)
    .option(...FORCE);
};
