import { ERROR_CATALOGUE } from '../core/error-catalogue.ts';
import { isAppError, unreachable } from '../core/errors.ts';
import type { MigrationResult } from '../migration/finish.ts';

/**
 * How a command can end: 0 done; 1 ended with failed documents, or a defect; 2 usage or configuration; 3 refused; 4 a store or
 * the database; 5 wrong data found; 130 interrupted.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 130;

/** The one place where an error becomes an exit code. What an abort broke off is an interruption, whatever it threw. */
export const exitCodeOf = (error: unknown, signal?: AbortSignal): ExitCode => {
  if (isAppError(error))
    return isAppError(error, 'internal') && signal?.aborted ? 130 : ERROR_CATALOGUE[error.code].exit;
  return signal?.aborted || (error instanceof Error && error.name === 'AbortError') ? 130 : 1;
};

/** The exit code of a run that came to an end of its own. */
export const exitCodeOfOutcome = (outcome: MigrationResult['outcome']): ExitCode => {
  switch (outcome) {
    case 'complete':
    case 'precopied':
      return 0;
    case 'failed-documents':
    case 'stranded':
    case 'delete-problems':
      return 1;
    default:
      return unreachable(outcome);
  }
};
