/** The environment as the composition root read it; nothing below reads `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that the text names and that is not set. */
export interface UnsetVariable {
  readonly name: string;
  /** Where it stands in the original text. */
  readonly offset: number;
}

export interface ExpandedText {
  readonly text: string;
  readonly unset: readonly UnsetVariable[];
  /** The place in the original text from which the character at this place of the expanded text came. */
  originalOffset(offset: number): number;
}

/**
 * Replaces every `${NAME}` by the variable's value, in the text itself, before it is parsed, as the original does: a
 * value can so become a number, a boolean or several keys. `$NAME` without braces stays as it is, since the original
 * never expands it and passwords hold such text. The original expands only names that begin with ANCHORE; we expand
 * others too when they are set. What is unset stays as it stands and is reported: who reads it decides whether it matters.
 */
export const expandEnvironment = (original: string, environment: Environment): ExpandedText => {
  const pieces: { readonly at: number; readonly from: number; readonly lengthKept: number | undefined }[] = [];
  const unset: UnsetVariable[] = [];
  let text = '';
  let end = 0;
  for (const match of original.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g)) {
    const name = match[1] ?? '';
    const value = environment[name];
    if (value === undefined) {
      unset.push({ name, offset: match.index });
      continue;
    }
    pieces.push({ at: text.length, from: end, lengthKept: undefined });
    text += original.slice(end, match.index);
    pieces.push({ at: text.length, from: match.index, lengthKept: 0 });
    text += value;
    end = match.index + match[0].length;
  }
  pieces.push({ at: text.length, from: end, lengthKept: undefined });
  text += original.slice(end);
  return {
    text,
    unset,
    originalOffset: (offset) => {
      const piece = pieces.findLast((candidate) => candidate.at <= offset);
      if (piece === undefined) return offset;
      return piece.lengthKept === 0 ? piece.from : piece.from + (offset - piece.at);
    },
  };
};

/**
 * The variables of the file that ANCHORE_ENV_FILE names: `NAME=value` lines, quotes around the value taken off, only names
 * that begin with ANCHORE. The real environment wins over them. Source: the original's `localconfig.read_config`.
 */
export const parseEnvironmentFile = (text: string): Environment => {
  const found: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const equals = line.indexOf('=');
    const name = line.slice(0, equals);
    if (equals > 0 && name.startsWith('ANCHORE')) found[name] = line.slice(equals + 1).replace(/^["']+|["']+$/g, '');
  }
  return found;
};
