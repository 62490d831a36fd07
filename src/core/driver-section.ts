import { z } from 'zod';

/**
 * What one driver's part of a configuration file may hold (`storage_driver.config`). Values arrive as `OptionInput`; the
 * message of every issue says what was expected and nothing else: whoever reads the file adds the place and what stood there.
 */
export interface DriverSection<Name extends string, Options> {
  readonly driver: Name;
  readonly schema: z.ZodType<Options>;
  /** Every option that the driver knows; others are named in a warning. */
  readonly keys: readonly string[];
  /** Options whose values are never shown. */
  readonly secretKeys: readonly string[];
  /** Environment variables that give an option which the file leaves out, by option. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * One value of a section: numbers come as the text that stands in the file (a key `0123` keeps its zero), null as absent.
 */
export type OptionInput = string | boolean | readonly OptionInput[] | { readonly [key: string]: OptionInput };

/** A text that must be there and not be empty. */
export const requiredText = (expected: string) => z.string(expected).min(1, expected);

/** A text that may be left out; an empty one counts as left out, as an empty environment variable makes it. */
export const optionalText = (expected: string) =>
  z
    .string(expected)
    .transform((text) => (text === '' ? undefined : text))
    .optional();

/** true or false, also as a quoted word or as an environment variable gives it (`"True"`, `yes`, `1`). Empty: the default. */
export const flag = (byDefault: boolean) =>
  z
    .union([z.boolean(), z.literal('').transform(() => byDefault), z.stringbool()], 'true or false')
    .optional()
    .transform((value) => value ?? byDefault);

/** A whole number that is not negative. */
export const wholeNumber = (expected: string) =>
  z
    .string(expected)
    .regex(/^[0-9][0-9_]*$/, expected)
    .transform((text) => Number(text.replaceAll('_', '')))
    .refine(Number.isSafeInteger, expected);

/** One of some words, in any case; gives the word as listed. */
export const oneOf = <const Words extends readonly string[]>(words: Words) => {
  const expected = `one of ${words.join(', ')}`;
  return z.string(expected).transform((text, context): Words[number] => {
    const found = words.find((word) => word.toLowerCase() === text.toLowerCase());
    if (found !== undefined) return found;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
};
