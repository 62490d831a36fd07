import type { ManualNotes } from '../../core/command-line/man-page.ts';
import { EXIT_TEXTS } from './exit-texts.ts';

/** What the manual page says beside the command line. */
export const MANUAL_NOTES: ManualNotes = {
  exits: Object.entries(EXIT_TEXTS),
  variables: [
    ['ANCHORE_DB_CONNECT', 'The database URL, where no option names one.'],
    [
      'PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLMODE, ...',
      "libpq's own variables, for what the database URL leaves out.",
    ],
    ['AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ...', 'The credentials of an S3 store with iamauto.'],
  ],
};
