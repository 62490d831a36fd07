import { ExactNumber, type Json } from './json.ts';

/** A string as Python's `json.dumps` prints it: everything beyond ASCII as `\uXXXX`. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

const scalar = (value: string | number | ExactNumber | boolean | null): string => {
  if (typeof value === 'string') return quoted(value);
  return value instanceof ExactNumber ? value.source : String(value);
};

const isScalar = (value: Json): value is string | number | ExactNumber | boolean | null =>
  value === null || typeof value !== 'object' || value instanceof ExactNumber;

/** One line of JSON as Python's `json.dumps` prints it: `, ` and `: ` between things. */
export const pythonJson = (value: Json): string => {
  if (isScalar(value)) return scalar(value);
  if (isList(value)) return `[${value.map(pythonJson).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${quoted(key)}: ${pythonJson(item)}`)
    .join(', ')}}`;
};

/** Several lines of JSON, as Python's `json.dumps` prints them with `indent=4` and `sort_keys=True`. */
export const indentedPythonJson = (value: Json, margin = ''): string => {
  if (isScalar(value)) return scalar(value);
  const inner = `${margin}    `;
  const lines = isList(value)
    ? value.map((item) => indentedPythonJson(item, inner))
    : Object.keys(value)
        .toSorted()
        .map((key) => `${quoted(key)}: ${indentedPythonJson(value[key] ?? null, inner)}`);
  const [open, close] = isList(value) ? ['[', ']'] : ['{', '}'];
  return lines.length === 0
    ? `${open}${close}`
    : `${open}\n${lines.map((line) => inner + line).join(',\n')}\n${margin}${close}`;
};
