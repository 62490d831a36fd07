import { redact } from '../core/secrets.ts';
import { visibleLines } from '../core/visible-text.ts';

/** Where results go: standard output. Log lines go to standard error, through `Log`. */
export interface Output {
  /** Whether results are JSON, one object a line. */
  readonly json: boolean;
  /** How wide the terminal is to which results go; undefined where they go elsewhere. */
  readonly columns: number | undefined;
  /** A result for a person; nothing with `--json`. */
  text(text: string): void;
  /** A result for a program; nothing without `--json`. */
  object(value: object): void;
}

/** For `JSON.stringify`, text by text: a secret may be written otherwise once it is quoted, or look like a part of JSON. */
export const redactText = (_: string, value: unknown): unknown => (typeof value === 'string' ? redact(value) : value);

export const createOutput = (write: (text: string) => void, json: boolean, columns?: number): Output => ({
  json,
  columns,
  text: (text) => {
    if (!json) write(visibleLines(redact(text.endsWith('\n') ? text : `${text}\n`)));
  },
  object: (value) => {
    if (json) write(`${JSON.stringify(value, redactText)}\n`);
  },
});
