import { SMALL } from '../documents/bodies.ts';
import { estimateMigration, measureMigration, type Migration } from '../manager.ts';
import type { Sample } from '../result.ts';
import { type ObjectTarget, openBareClient } from '../rivals/object-target.ts';
import { alternate, type Bench, documentsOf, figuresOf, type Row } from '../row.ts';
import { type BenchStore, DB, DB2, localfsStore, openSwiftPlace, s3PlaceOf, s3Store } from '../stores.ts';

/** plan changes nothing, so it can only try a destination that is there. */
const makeContainer = async (target: ObjectTarget): Promise<void> => {
  const client = openBareClient(target, 1);
  await client.makeContainer();
  await client.close();
};

type Open = (bench: Bench) => Promise<BenchStore>;

const localfs: Open = async ({ place }) => localfsStore(await place.makeFolder('archive'));

const s3: Open = async ({ place }) => {
  const opened = s3PlaceOf(await place.getServer('versitygw'));
  await makeContainer({ kind: 's3', place: opened });
  return s3Store(opened);
};

const swift: Open = async ({ place }) => {
  const opened = await openSwiftPlace(await place.getServer('swift'));
  await makeContainer({ kind: 'swift', ...opened });
  return opened.store;
};

const db: Open = async () => DB;
const db2: Open = async () => DB2;

interface Pair {
  readonly name: string;
  readonly from: Open;
  readonly to: Open;
  /** Fewer where the store is slow. */
  readonly full?: number;
}

const PAIRS: readonly Pair[] = [
  { name: 'db -> db2', from: db, to: db2 },
  { name: 'db -> localfs', from: db, to: localfs },
  { name: 'db -> s3', from: db, to: s3 },
  { name: 'db -> swift', from: db, to: swift, full: 1_000 },
  { name: 'db2 -> db', from: db2, to: db },
  { name: 'localfs -> s3', from: localfs, to: s3 },
  { name: 's3 -> s3', from: s3, to: s3 },
  { name: 'localfs -> db2', from: localfs, to: db2 },
];

/** Eight pairs, each a plan and a migration, and another one to fill the source: more would take long. */
const MOST_RUNS = 2;

/** A migration right after what `plan` has said of it. The archive is first brought to its source by one that is not measured. */
const measure = async (bench: Bench, pair: Pair, documents: number): Promise<Sample> => {
  const { place, signal } = bench;
  await using database = await place.createDatabase({ documents, sizes: SMALL, seed: 14 });
  const [from, to] = [await pair.from(bench), await pair.to(bench)];
  if (from !== DB) await measureMigration(place, { database, from: DB, to: from, documents, signal });
  const migration: Migration = { database, from, to, documents, signal };
  const estimatedSeconds = await estimateMigration(place, migration);
  const sample = await measureMigration(place, migration);
  return { ...sample, more: { ...sample.more, estimatedSeconds } };
};

/** How many times too long or too short; 1 where it was right. */
const factorOf = ({ wallSeconds, more }: Sample): number => {
  const ratio = wallSeconds / (more?.['estimatedSeconds'] ?? Number.NaN);
  return Math.max(ratio, 1 / ratio);
};

export const planEstimate: Row = {
  name: 'plan-estimate',
  title: 'What plan says against what the migration then takes',
  servers: ['versitygw', 'swift'],
  measure: async (bench) => {
    const documentsFor = ({ full = 3_000 }: Pair): number => documentsOf(bench, full, 600);
    const contenders = await alternate(
      bench,
      PAIRS.map((pair) => ({ name: pair.name, measure: () => measure(bench, pair, documentsFor(pair)) })),
      Math.min(MOST_RUNS, bench.runs),
    );
    return {
      conditions: Object.fromEntries(PAIRS.map((pair) => [`documents of ${pair.name}`, documentsFor(pair)])),
      contenders,
      claims: contenders.map(({ name }) => ({
        what: `how far the estimate of plan is off, ${name}`,
        target: { bound: 'at most', value: 1.5 },
        unit: 'x',
        values: figuresOf(contenders, name, factorOf),
      })),
    };
  },
};
