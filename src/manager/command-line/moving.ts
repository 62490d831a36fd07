import type { Declare } from './declare.ts';
import {
  addMigrateOptions,
  BUCKET,
  collect,
  DONTASK,
  FORCE,
  FROM,
  FROM_ANALYSIS,
  READ_BACK,
  TO,
  TO_ANALYSIS,
} from './options.ts';
import { addRunOptions } from './run-options.ts';

/** What copies and switches documents. */
export const declareMoving = (add: Declare): void => {
  addRunOptions(
    addMigrateOptions(
      add(
        'migrate <from> <to>',
        'Move the archive from the store of one configuration file to that of another.',
        async () => (await import('../commands/migrate.ts')).migrate,
      ),
    ),
  )
    .option('--dry-run', 'Change nothing: the same as plan.')
    .option('--deep', 'With --dry-run: read every document.')
    .addHelpText('after', MIGRATE_STEPS);
  addRunOptions(
    add(
      'precopy <from> <to>',
      'Copy what is new or changed while the services run; changes no metadata, deletes nothing.',
      async () => (await import('../commands/precopy.ts')).precopy,
    ),
  )
    .option(...BUCKET, collect)
    .option(...FROM_ANALYSIS)
    .option(...TO_ANALYSIS)
    .option(...FORCE)
    .addOption(READ_BACK);
  addRunOptions(
    add(
      'resume <id>',
      'Let a paused migration go on, or continue an unfinished one where it was.',
      async () => (await import('../commands/resume.ts')).resume,
    ),
  )
    .option(...FROM)
    .option(...TO)
    .option(...DONTASK)
    .option('--nodelete', 'Leave the documents in the source.')
    .option('--skip-failed', 'Switch although documents failed; they stay on the source and are listed.')
    .option(...FORCE)
    .addOption(READ_BACK);
  addRunOptions(
    add(
      'retry <id>',
      'Copy the failed documents of a migration alone once more; after its switch, switch them too.',
      async () => (await import('../commands/resume.ts')).retry,
    ),
  )
    .option(...FROM)
    .option(...TO)
    .option(...DONTASK)
    .option('--nodelete', 'Leave the documents in the source.')
    .option(...FORCE)
    .addOption(READ_BACK);
};

const MIGRATE_STEPS = `
Steps:
  1. Stop all anchore-engine services.
  2. Write a second configuration file whose archive section is as you want it afterwards.
  3. check it, plan FROM TO, then migrate FROM TO.
  4. Put the second file in the place of the first, and start the services.`;
