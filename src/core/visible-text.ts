/** Control characters, and those that turn the direction of text or hide in it. */
const UNSEEN = /[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/gu;

/**
 * The text with what a person cannot see as `\u{202E}`: a name comes from outside, and can hold what moves the cursor of a
 * terminal, or shows another name than it is.
 */
export const visibleText = (text: string): string =>
  text.replaceAll(UNSEEN, (character) => `\\u{${character.codePointAt(0)?.toString(16).toUpperCase() ?? ''}}`);

/** The same, but for the ends of lines. */
export const visibleLines = (text: string): string => text.split('\n').map(visibleText).join('\n');
