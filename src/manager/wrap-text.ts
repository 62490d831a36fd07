/** A terminal of 80 columns, with room for one more. */
export const WIDTH = 79;

/** Breaks a text at its spaces so that no line, with its indent, is wider than `width`; a longer word stands alone. */
export const wrapText = (text: string, indent: string, width = WIDTH): readonly string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && indent.length + longer.length > width) {
      lines.push(indent + line);
      line = word;
    } else {
      line = longer;
    }
  }
  return line === '' ? lines : [...lines, indent + line];
};

/** What a line begins with, under whose end it goes on: `from:         `, `  remedy: `, `  1. `. */
const BEGINNING = /^\s*(?:\d+\.|[A-Za-z][a-z ]{0,14}:)\s+/;
/** What is to be pasted stays whole: a shell would end the command at the end of a line. */
const COMMAND = /^\s*anchore-manager /;

/** The text with those of its lines that are too wide for a terminal broken at their spaces. Without a width, as it is. */
export const wrapBlock = (text: string, columns: number | undefined): string =>
  columns === undefined
    ? text
    : text
        .split('\n')
        .flatMap((line) => (line.length < columns || COMMAND.test(line) ? [line] : wrapLine(line, columns - 1)))
        .join('\n');

const wrapLine = (line: string, width: number): readonly string[] => {
  const beginning = BEGINNING.exec(line)?.[0] ?? /^\s*/.exec(line)?.[0] ?? '';
  const indent = beginning.trim() === '' ? `${beginning}  ` : ' '.repeat(beginning.length);
  const [first = '', ...rest] = wrapText(line.slice(beginning.length), indent, width);
  return [beginning + first.trimStart(), ...rest];
};

/** A label and what it is about, which may take several lines; `indent` is the width of the labels. */
export const labelled = (label: string, text: string, indent: number): readonly string[] => {
  const [first = '', ...rest] = wrapText(text, ' '.repeat(indent));
  return [label.padEnd(indent) + first.trimStart(), ...rest];
};

/** The text, or its beginning and its end around an ellipsis, so that it fits. */
export const shorten = (text: string, width: number): string => {
  if (text.length <= width) return text;
  const end = Math.floor((width - 3) / 3);
  return `${text.slice(0, width - 3 - end)}...${text.slice(text.length - end)}`;
};
