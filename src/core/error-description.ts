/**
 * What a person is told of an error. `exit` is the exit code of a command that ends with it; `retryable` says whether the
 * same request may succeed when it is simply repeated.
 */
export interface ErrorDescription {
  readonly exit: 1 | 2 | 3 | 4 | 5 | 130;
  readonly retryable: boolean;
  /** What has happened, one sentence. */
  readonly meaning: string;
  /** What to do next, one sentence. */
  readonly remedy: string;
}

/** One line of a table of errors. */
export const entry = (
  exit: ErrorDescription['exit'],
  meaning: string,
  remedy: string,
  retryable = false,
): ErrorDescription => ({
  exit,
  retryable,
  meaning,
  remedy,
});
