/** Between two columns, as prettytable's PLAIN_COLUMNS has it: behind each column, the last one too. */
const RIGHT_PADDING = ' '.repeat(8);

/** Centred as prettytable does it: an odd space goes to the right of a text of odd length, else to the left. */
const centre = (text: string, width: number): string => {
  const excess = width - text.length;
  const less = Math.floor(excess / 2);
  const more = Math.ceil(excess / 2);
  const left = text.length % 2 === 1 ? less : more;
  return ' '.repeat(left) + text + ' '.repeat(excess - left);
};

const ALIGNMENTS = { left: (text: string, width: number) => text.padEnd(width), centre } as const;

/** A table in the layout of the operator's guide: anchore-manager centres its columns, anchore-cli does not. */
export const renderPlainTable = (
  header: readonly string[],
  rows: readonly (readonly string[])[],
  alignment: keyof typeof ALIGNMENTS,
): string => {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const align = ALIGNMENTS[alignment];
  const line = (cells: readonly string[]): string =>
    widths.map((width, column) => align(cells[column] ?? '', width) + RIGHT_PADDING).join('');
  return [header, ...rows].map(line).join('\n');
};
