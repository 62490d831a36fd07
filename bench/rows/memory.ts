import { MIXED, type Sizes, SMALL } from '../documents/bodies.ts';
import { measureMigration } from '../manager.ts';
import type { Sample } from '../result.ts';
import { alternate, type Bench, documentsOf, figuresOf, type Row } from '../row.ts';
import { DB, DB2, localfsStore, s3PlaceOf, s3Store } from '../stores.ts';

interface Kind {
  readonly name: string;
  readonly title: string;
  readonly sizes: Sizes;
  readonly documents: { readonly full: number; readonly quick: number };
  readonly atMostMegabytes: number;
}

interface Way {
  readonly to: 'db2' | 'localfs' | 's3';
  readonly compressed: boolean;
}

const WAYS: readonly Way[] = [
  { to: 's3', compressed: false },
  { to: 's3', compressed: true },
  { to: 'localfs', compressed: false },
  { to: 'db2', compressed: false },
];

const nameOf = ({ to, compressed }: Way): string => `db -> ${to}${compressed ? ', compressed' : ''}`;

const MAX_RUNS = 3;

const migrate = async (bench: Bench, kind: Kind, documents: number, { to, compressed }: Way): Promise<Sample> => {
  const { place, signal } = bench;
  await using database = await place.createDatabase({ documents, sizes: kind.sizes, seed: 5 });
  const folder = await place.makeFolder('archive');
  try {
    const store =
      to === 'db2'
        ? DB2
        : to === 'localfs'
          ? localfsStore(folder)
          : s3Store(s3PlaceOf(await place.getServer('versitygw', { fresh: true })));
    return await measureMigration(place, { database, from: DB, to: store, documents, compressed, signal });
  } finally {
    await place.removeFolder(folder);
  }
};

const rowOf = (kind: Kind): Row => ({
  name: `memory-${kind.name}`,
  title: `Peak resident memory, ${kind.title}`,
  servers: ['versitygw'],
  measure: async (bench) => {
    const documents = documentsOf(bench, kind.documents.full, kind.documents.quick);
    const contenders = await alternate(
      bench,
      WAYS.map((way) => ({ name: nameOf(way), measure: () => migrate(bench, kind, documents, way) })),
      Math.min(MAX_RUNS, bench.runs),
    );
    return {
      conditions: { documents },
      contenders,
      claims: WAYS.map((way) => ({
        what: `peak memory, ${kind.title}, ${nameOf(way)}`,
        target: { bound: 'at most', value: kind.atMostMegabytes },
        unit: 'MB',
        values: figuresOf(contenders, nameOf(way), ({ peakMemoryBytes }) => (peakMemoryBytes ?? 0) / 1e6),
      })),
    };
  },
});

export const memory: readonly Row[] = [
  rowOf({
    name: 'small',
    title: 'documents of 4 to 20 KB',
    sizes: SMALL,
    documents: { full: 10_000, quick: 2_000 },
    atMostMegabytes: 220,
  }),
  rowOf({
    name: 'mixed',
    title: 'documents of 2 KB to 4 MB',
    sizes: MIXED,
    documents: { full: 640, quick: 192 },
    atMostMegabytes: 350,
  }),
];
