/** What JSON can hold. */
export type Json = string | number | ExactNumber | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A number that a double would change, as it was written: `12345678901234567890`, `1.0`. */
export class ExactNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** JSON whose numbers print as they were written. Throws SyntaxError. */
export const parseExactJson = (text: string): Json =>
  JSON.parse(text, (_: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? new ExactNumber(context.source)
      : value,
  ) as Json;

/** Whether the value has keys. */
export const isJsonMap = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
