import { TINY } from '../documents/bodies.ts';
import { measureMigration } from '../manager.ts';
import type { PlotLine } from '../report/growth-plot.ts';
import { type Claim, type Contender, documentsPerSecond, type Sample } from '../result.ts';
import { alternate, type Bench, figuresOf, type Row } from '../row.ts';
import { median } from '../statistics.ts';
import { DB, DB2, localfsStore } from '../stores.ts';

const SIZES = [1_000, 10_000, 100_000, 1_000_000] as const;
const REFERENCE = 10_000;
const MILLION = 1_000_000;

/** A row for each, since a million documents take long; the plot shows both. */
const DESTINATIONS = ['db2', 'localfs'] as const;
type Destination = (typeof DESTINATIONS)[number];

const contenderOf = (destination: string, documents: number): string => `db -> ${destination}, ${documents}`;

/** What the plot shows of these rows: medians, by destination. */
export const growthLines = (contenders: readonly Contender[]): readonly PlotLine[] =>
  DESTINATIONS.map((destination) => ({
    name: `db -> ${destination}`,
    points: contenders
      .filter(({ name }) => name.startsWith(contenderOf(destination, 0).slice(0, -1)))
      .map(({ samples }) => ({
        documents: samples[0]?.documents ?? 0,
        seconds: median(samples.map((sample) => sample.wallSeconds)),
        runs: samples.length,
      })),
  })).filter(({ points }) => points.length > 0);

/** The largest take minutes each, and noise weighs less on them. */
const runsOf = (bench: Bench, documents: number): number =>
  documents >= MILLION ? 1 : documents >= 100_000 ? Math.min(bench.runs, 2) : bench.runs;

const migrate = async ({ place, signal }: Bench, destination: Destination, documents: number): Promise<Sample> => {
  await using database = await place.createDatabase({ documents, sizes: TINY, seed: 4 });
  if (destination === 'db2') return await measureMigration(place, { database, from: DB, to: DB2, documents, signal });
  const folder = await place.makeFolder('archive');
  try {
    return await measureMigration(place, { database, from: DB, to: localfsStore(folder), documents, signal });
  } finally {
    await place.removeFolder(folder);
  }
};

const claimsOf = (destination: Destination, contenders: readonly Contender[], largest: number): readonly Claim[] => {
  const judged = largest === MILLION;
  const rates = (documents: number): readonly number[] =>
    figuresOf(contenders, contenderOf(destination, documents), documentsPerSecond);
  const reference = median(rates(Math.min(REFERENCE, largest)));
  const ofLargest = (figure: (sample: Sample) => number | undefined): readonly number[] =>
    figuresOf(contenders, contenderOf(destination, largest), figure);
  return [
    {
      what: `documents/s at ${largest} documents of 1 KB against ${Math.min(REFERENCE, largest)}, db -> ${destination}`,
      ...(judged && { target: { bound: 'at least', value: 0.85 } as const }),
      unit: 'x',
      values: rates(largest).map((rate) => rate / reference),
    },
    {
      what: `switch of ${largest} rows, db -> ${destination}`,
      ...(judged && { target: { bound: 'at most', value: 60 } as const }),
      unit: 's',
      values: ofLargest((sample) => sample.more?.['switchSeconds']),
    },
    {
      what: `peak memory at ${largest} documents of 1 KB, db -> ${destination}`,
      target: { bound: 'at most', value: 220 },
      unit: 'MB',
      values: ofLargest((sample) => (sample.peakMemoryBytes ?? 0) / 1e6),
    },
  ];
};

const rowOf = (destination: Destination): Row => ({
  name: `growth-${destination}`,
  title: `How the cost grows with the number of documents of 1 KB, db -> ${destination}`,
  servers: [],
  measure: async (bench) => {
    const largest = bench.documents ?? (bench.full ? MILLION : REFERENCE);
    const contenders: Contender[] = [];
    for (const documents of [...SIZES.filter((size) => size < largest), largest]) {
      const only = { name: contenderOf(destination, documents), measure: () => migrate(bench, destination, documents) };
      contenders.push(...(await alternate(bench, [only], runsOf(bench, documents))));
    }
    return { conditions: {}, contenders, claims: claimsOf(destination, contenders, largest) };
  },
});

export const GROWTH: readonly Row[] = DESTINATIONS.map(rowOf);
