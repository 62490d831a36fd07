import type { ManualNotes } from '../core/command-line/man-page.ts';

/** What the manual page says beside the command line. */
export const MANUAL_NOTES: ManualNotes = {
  exits: [
    ['0', 'ended as it was asked to'],
    ['1', 'a defect of the program'],
    ['2', 'usage or configuration'],
    ['3', 'refused: the configuration does not fit where the archive is, or a migration runs'],
    ['4', 'store or database'],
    ['130', 'interrupted before it had started'],
  ],
  variables: [
    ['ANCHORE_DB_CONNECT', 'The database URL, before that of the configuration.'],
    [
      'PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLMODE, ...',
      "libpq's own variables, for what the database URL leaves out.",
    ],
    ['AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ...', 'The credentials of an S3 store with iamauto.'],
  ],
};
