const CONNECTING = /connect_database\(\)\] \[INFO\]/;
const DELETING = /Deleting document on source after successful migration/;

/** Without the lines about the connection, which every command prints. */
export const withoutConnecting = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !CONNECTING.test(line))
    .join('\n');

/** Of one line a document, only the first by name: they come in any order. */
export const withOneDeletion = (text: string): string => {
  const lines = text.split('\n');
  const deletions = lines.filter((line) => DELETING.test(line)).toSorted();
  const first = lines.findIndex((line) => DELETING.test(line));
  if (first < 0) return text;
  const others = lines.filter((line) => !DELETING.test(line));
  others.splice(first, 0, deletions[0] ?? '', '... (one line a document)');
  return others.join('\n');
};

/** The first lines. */
export const firstLines = (text: string, count: number, rest: string): string => {
  const lines = text.split('\n');
  return lines.length <= count ? text : [...lines.slice(0, count), rest].join('\n');
};
