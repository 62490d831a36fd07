/** A terminal of 80 columns, with room for one more. */
export const WIDTH = 79;

/** Breaks a text at its spaces so that no line, with its indent, is wider than `WIDTH`; a longer word stands alone. */
export const wrapText = (text: string, indent: string): readonly string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && indent.length + longer.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else {
      line = longer;
    }
  }
  return line === '' ? lines : [...lines, indent + line];
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
