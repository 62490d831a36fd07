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

const DESTINATIONS: Readonly<Record<string, (bench: Bench) => Promise<BenchStore>>> = {
  'db -> db2': async () => DB2,
  'db -> localfs': async ({ place }) => localfsStore(await place.makeFolder('archive')),
  'db -> s3': async ({ place }) => {
    const s3 = s3PlaceOf(await place.getServer('versitygw'));
    await makeContainer({ kind: 's3', place: s3 });
    return s3Store(s3);
  },
  'db -> swift': async ({ place }) => {
    const swift = await openSwiftPlace(await place.getServer('swift'));
    await makeContainer({ kind: 'swift', ...swift });
    return swift.store;
  },
};

/** A migration right after what `plan` has said of it. */
const measure = async (bench: Bench, to: BenchStore, documents: number): Promise<Sample> => {
  const { place, signal } = bench;
  await using database = await place.createDatabase({ documents, sizes: SMALL, seed: 14 });
  const migration: Migration = { database, from: DB, to, documents, signal };
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
    const documents = documentsOf(bench, 3_000, 600);
    const contenders = await alternate(
      bench,
      Object.entries(DESTINATIONS).map(([name, open]) => ({
        name,
        measure: async () => measure(bench, await open(bench), documents),
      })),
      Math.min(3, bench.runs),
    );
    return {
      conditions: { documents },
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
