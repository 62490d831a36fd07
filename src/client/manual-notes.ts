import type { ManualNotes } from '../core/command-line/man-page.ts';

/** What help and the manual page say beside the command line. */
export const MANUAL_NOTES: ManualNotes = {
  exits: [
    ['0', 'done'],
    ['1', 'the service refused it'],
    ['2', 'usage, no access, or the service failed'],
    ['130', 'interrupted'],
  ],
  variables: [
    ['ANCHORE_CLI_URL', 'The same as --url.'],
    ['ANCHORE_CLI_USER', 'The same as --u.'],
    ['ANCHORE_CLI_PASS', 'The same as --p, without showing in the process list.'],
    ['ANCHORE_CLI_PASS_FILE', 'The same as --password-file.'],
    ['ANCHORE_CLI_ACCOUNT', 'The same as --as-account.'],
    ['ANCHORE_CLI_JSON=y', 'The same as --json.'],
    ['ANCHORE_CLI_SSL_VERIFY=n', 'The same as --insecure.'],
    ['ANCHORE_CLI_CACERT', 'The same as --cacert.'],
    ['ANCHORE_CLI_CONFIG', 'The same as --config.'],
    ['ANCHORE_CLI_DEBUG=y', 'The same as --debug.'],
  ],
};
