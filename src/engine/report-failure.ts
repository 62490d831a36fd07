import { ERROR_CATALOGUE } from '../core/error-catalogue.ts';
import { AppError, isAppError, toAppError } from '../core/errors.ts';
import { redact } from '../core/secrets.ts';

const asSentence = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);

/** What is told of an error that kept a service from starting, without secrets, and the exit code. */
export const reportFailure = (
  thrown: unknown,
  signal: AbortSignal,
): { readonly text: string; readonly exit: number } => {
  const error =
    signal.aborted && !isAppError(thrown)
      ? new AppError('interrupted', 'A signal stopped the service before it had started', { cause: thrown })
      : toAppError(thrown);
  const text = `Error: ${asSentence(error.message)}\n  code:   ${error.code}\n  remedy: ${asSentence(error.remedy)}\n`;
  return { text: redact(text), exit: ERROR_CATALOGUE[error.code].exit };
};
