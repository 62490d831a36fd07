import type { Json } from '../core/json.ts';
import { isAppError, toAppError } from '../core/errors.ts';
import { redact } from '../core/secrets.ts';
import type { ExitCode } from './context.ts';
import { FailedAnswer } from './http/failed-answer.ts';

/** As the original has it: 401 and 500 count with the failures of access, other answers do not. */
const exitOf = (error: unknown): ExitCode => {
  if (isAppError(error, 'interrupted')) return 130;
  const answer = isAppError(error) ? error.cause : undefined;
  if (!(answer instanceof FailedAnswer) || answer.deniesAccess) return 2;
  return answer.status === 401 || answer.status === 500 ? 2 : 1;
};

const asSentence = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);

export interface ErrorReport {
  readonly exit: ExitCode;
  /** For standard error. */
  readonly text: string;
  /** For `--json`, on standard output: what the service said, else the same in its form. */
  readonly json: Json;
}

/** What is told of an error, without secrets. */
export const reportError = (thrown: unknown, debug: boolean): ErrorReport => {
  const error = toAppError(thrown);
  const answer = error.cause instanceof FailedAnswer ? error.cause : undefined;
  const message = redact(asSentence(error.message));
  const remedy = redact(asSentence(error.remedy));
  const status = answer === undefined ? '' : ` (HTTP ${answer.status})`;
  const lines = [`Error: ${message}`, `  code:    ${error.code}${status}`, `  remedy:  ${remedy}`];
  if (answer?.requestId !== undefined && answer.status >= 500)
    lines.push(`  request: ${answer.requestId}, in the log of the service`);
  if (debug && thrown instanceof Error) lines.push(redact(thrown.stack ?? thrown.message));
  return {
    exit: exitOf(error),
    text: `${lines.join('\n')}\n`,
    json: answer?.body ?? { message, detail: { error_codes: [error.code], remedy } },
  };
};
