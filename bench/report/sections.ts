import type { KeptResult } from '../result.ts';
import type { PlotLine } from './growth-plot.ts';
import { renderProfile } from './tables.ts';

/** What stands in the place of a section whose row has no result: nothing may be said of figures that are not there. */
const notMeasured = (row: string): string => `Not measured yet: \`npm run bench -- --full --only ${row}\`.`;

const readableCount = (count: number): string => count.toLocaleString('en-US');

/** The plot, by its name beside the page, and how often each size was run. */
export const renderGrowth = (lines: readonly PlotLine[], plot: string): string => {
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) return notMeasured('growth');
  const sizes = points.map(({ documents }) => documents);
  const runs = [...Map.groupBy(points, ({ documents }) => documents)]
    .toSorted(([one], [other]) => one - other)
    .map(([documents, same]) => `${readableCount(documents)}: ${Math.min(...same.map((point) => point.runs))}`);
  return [
    `Whole migrations of ${readableCount(Math.min(...sizes))} to ${readableCount(Math.max(...sizes))} documents of 1 KB out of \`db\`; the dashed line is proportional growth.\n` +
      `Runs by number of documents: ${runs.join('; ')}.`,
    `![Seconds for a whole migration, by number of documents](${plot})`,
  ].join('\n\n');
};

const ABOUT_PROFILES = `\
A migration under \`node --cpu-prof\`, its main thread, sources as they are. Own time counts where the function belongs; what is
native counts where its caller does. What Node does in threads of its own (payloads above 16 KB) is not in it.`;

const WHAT_IS_LEFT = `\
What is left, and why it stays:

- *HTTP client and its sockets*: each document is a request of its own, and no S3 takes several in one. Most of it is the
  system call that writes, which the bare requests pay as well.
- *Signing of requests*: a SHA-256 and an HMAC over each request's text; the key of the day is kept. A store that takes a
  request without them does not exist.
- *Hashes and compression*: the MD5 of what was read is compared with the row, which finds a damaged source; the same MD5 is
  what the store's answer is compared with, which proves the copy; the SHA-256 of the content is what \`verify\` and \`rollback\`
  rest on, and signs the body where there is no TLS. Each is computed once for each document.
- *This program*, *database client*: the journal is written in statements of hundreds of rows, before and after each batch. Less
  of it would mean work that a kill could make unknown.
- *Abort signals, events and timers*: each request has a deadline, and can be broken off.
- *Loading of modules*: once a run; with a large archive it disappears.`;

/** The profile between what it is and why what it shows cannot go. */
export const renderCpu = (results: readonly KeptResult[]): string => {
  const profiles = renderProfile(results);
  return profiles === '' ? notMeasured('profile') : [ABOUT_PROFILES, profiles, WHAT_IS_LEFT].join('\n\n');
};
