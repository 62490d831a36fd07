import { CONCURRENCIES, OURS } from '../contenders.ts';
import { SMALL } from '../documents/bodies.ts';
import { measureMigration } from '../manager.ts';
import type { StoreServer } from '../place.ts';
import type { Sample } from '../result.ts';
import { alternate, type Bench, documentsOf, ratesOf, type Row } from '../row.ts';
import { median } from '../statistics.ts';
import { DB, s3PlaceOf, s3Store } from '../stores.ts';

/** Six settings in turn take long, on Swift most of all: fewer runs, and fewer documents there. */
const MOST_RUNS = 3;
const FULL_DOCUMENTS: Readonly<Partial<Record<StoreServer, number>>> = { swift: 1_200 };

const cappedName = (cap: number): string => `--concurrency ${cap}`;

const migrate = async (
  { place, signal }: Bench,
  server: StoreServer,
  documents: number,
  options: readonly string[],
): Promise<Sample> => {
  await using database = await place.createDatabase({ documents, sizes: SMALL, seed: 15 });
  const to = s3Store(s3PlaceOf(await place.getServer(server)));
  return await measureMigration(place, { database, from: DB, to, documents, options, signal });
};

/** Whether the concurrency that it finds by itself is as good as the best that one could have told it. */
const rowOf = (server: StoreServer): Row => ({
  name: `concurrency-${server}`,
  title: `db -> s3 on ${server}: the concurrency that is found against fixed ones`,
  servers: [server],
  measure: async (bench) => {
    const documents = documentsOf(bench, FULL_DOCUMENTS[server] ?? 3_000, 400);
    const contenders = await alternate(
      bench,
      [
        { name: OURS, measure: () => migrate(bench, server, documents, []) },
        ...CONCURRENCIES.map((cap) => ({
          name: cappedName(cap),
          measure: () => migrate(bench, server, documents, ['--concurrency', String(cap)]),
        })),
      ],
      Math.min(MOST_RUNS, bench.runs),
    );
    const best = Math.max(...CONCURRENCIES.map((cap) => median(ratesOf(contenders, cappedName(cap)))));
    return {
      conditions: { documents },
      contenders,
      claims: [
        {
          what: `db -> s3 (${server}), concurrency found by itself, against the best of ${CONCURRENCIES.join(', ')}`,
          target: { bound: 'at least', value: 0.9 },
          unit: 'x',
          values: ratesOf(contenders, OURS).map((rate) => rate / best),
        },
      ],
    };
  },
});

export const concurrency: readonly Row[] = [rowOf('swift'), rowOf('versitygw')];
