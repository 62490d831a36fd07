import { ERROR_CATALOGUE, type ErrorCode } from './error-catalogue.ts';

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** Overrides the catalogue's word on whether repeating the same request may help. */
  readonly retryable?: boolean;
  /** How long the store asked us to wait before the next try, in milliseconds. */
  readonly retryAfterMs?: number;
  /** An earlier try of the same request may have taken effect, though its answer was lost. */
  readonly outcomeUnknown?: boolean;
  /** What to do next, where the message can say it better than the catalogue. */
  readonly remedy?: string;
}

/**
 * The one error class. `code` is what callers match on, never the text. The text is one sentence for a person, with the
 * place and the value, and never a secret.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly outcomeUnknown: boolean;
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable ?? ERROR_CATALOGUE[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
    this.remedy = options.remedy ?? ERROR_CATALOGUE[code].remedy;
  }
}

export const isAppError = (error: unknown, ...codes: readonly ErrorCode[]): error is AppError =>
  error instanceof AppError && (codes.length === 0 || codes.includes(error.code));

/** The text of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Any thrown value as an AppError: itself, or `internal` with the value as its cause. */
export const toAppError = (error: unknown): AppError =>
  error instanceof AppError ? error : new AppError('internal', messageOf(error), { cause: error });

/** Ends a switch over a union: the compiler complains where a case is missing. */
export const unreachable = (value: never): never => {
  throw new AppError('internal', `unexpected value ${JSON.stringify(value)}`);
};
