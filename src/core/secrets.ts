/** What stands in the place of a secret. */
export const REDACTED = '****';

const known = new Set<string>();

/**
 * Registers a secret, so that `redact` takes it (and its URL-encoded form) out of any text. A last line of defence:
 * whoever prints a configuration leaves its secrets out by key. Values shorter than four characters are not registered,
 * since replacing them would garble ordinary words.
 */
export const registerSecret = (value: string): void => {
  if (value.length < 4) return;
  known.add(value);
  known.add(encodeURIComponent(value));
};

/** The text with every registered secret replaced by `****`. */
export const redact = (text: string): string => {
  let result = text;
  for (const secret of known) if (result.includes(secret)) result = result.replaceAll(secret, REDACTED);
  return result;
};
