/** What stands in the place of a secret. */
export const REDACTED = '****';

const known = new Set<string>();

/**
 * Registers a secret, so that `redact` takes it (as it is, in a URL, or quoted in JSON) out of any text. A last line of defence:
 * whoever prints a configuration leaves its secrets out by key. Values shorter than four characters are not registered,
 * since replacing them would garble ordinary words.
 */
export const registerSecret = (value: string): void => {
  if (value.length < 4) return;
  known.add(value);
  known.add(encodeURIComponent(value));
  known.add(JSON.stringify(value).slice(1, -1));
};

/** The text with every registered secret replaced by `****`. */
export const redact = (text: string): string => {
  let result = text;
  for (const secret of known) if (result.includes(secret)) result = result.replaceAll(secret, REDACTED);
  return result;
};
