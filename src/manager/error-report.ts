import { type AppError, isAppError, toAppError, AppError as ApplicationError } from '../core/errors.ts';
import { redact } from '../core/secrets.ts';
import { visibleLines } from '../core/visible-text.ts';
import { type ExitCode, exitCodeOf } from './exit-code.ts';

export interface ErrorReport {
  readonly exit: ExitCode;
  /** One block for standard error. */
  readonly text: string;
  /** The same for `--json`. */
  readonly json: {
    readonly error: { readonly code: string; readonly message: string; readonly remedy: string; readonly exit: number };
  };
}

const asSentence = (text: string): string => {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
};

/** Stack and causes, for `--debug`. */
const traceOf = (error: unknown): string => {
  const lines: string[] = [];
  for (
    let current: unknown = error, depth = 0;
    current instanceof Error && depth < 5;
    current = current.cause, depth += 1
  ) {
    lines.push(`${depth === 0 ? '' : 'caused by '}${current.stack ?? current.message}`);
  }
  return lines.join('\n');
};

/** What is told of an error, without secrets. An abort is told as an interruption. */
export const reportError = (
  thrown: unknown,
  options: { readonly debug: boolean; readonly signal: AbortSignal },
): ErrorReport => {
  const exit = exitCodeOf(thrown, options.signal);
  const isInterruption = exit === 130 && !isAppError(thrown, 'interrupted');
  const error: AppError = isInterruption
    ? new ApplicationError('interrupted', 'A signal stopped the command before it was done', { cause: thrown })
    : toAppError(thrown);
  const message = redact(asSentence(error.message));
  const remedy = redact(asSentence(error.remedy));
  const trace = options.debug ? `${redact(traceOf(thrown))}\n` : '';
  return {
    exit,
    text: visibleLines(`${trace}Error: ${message}\n  code:   ${error.code}\n  remedy: ${remedy}\n`),
    json: { error: { code: error.code, message, remedy, exit } },
  };
};
