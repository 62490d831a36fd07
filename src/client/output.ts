import type { Json } from '../core/json.ts';
import { indentedPythonJson } from '../core/python-json.ts';

/** Where results go: standard output. They are what the service has said, so they go out as they are. */
export interface Output {
  /** Whether results are JSON. */
  readonly json: boolean;
  /** A result for a person; nothing with `--json`. */
  text(text: string): void;
  /** A result for a program; nothing without `--json`. */
  object(value: Json): void;
}

export const createOutput = (write: (text: string) => void, json: boolean): Output => ({
  json,
  text: (text) => {
    if (!json) write(`${text}\n`);
  },
  object: (value) => {
    if (json) write(`${indentedPythonJson(value)}\n`);
  },
});
