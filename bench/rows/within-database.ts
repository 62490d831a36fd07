import { INSERT, OURS } from '../contenders.ts';
import { SMALL } from '../documents/bodies.ts';
import { COPY_TO_DB, COPY_TO_DB2, withClient } from '../documents/fill-archive.ts';
import { measureMigration } from '../manager.ts';
import type { Sample } from '../result.ts';
import { alternate, type Bench, documentsOf, ratesOf, type Row } from '../row.ts';
import { ratiosOf } from '../statistics.ts';
import { DB, DB2 } from '../stores.ts';

const NAMES = ['db', 'db2'] as const;

/** The statement alone, with its commit, on a connection that stands. */
const measureInsert = async (bench: Bench, url: string, documents: number, statement: string): Promise<Sample> =>
  withClient(url, async (client) => {
    await bench.settle();
    const started = performance.now();
    await client.query(statement);
    return { wallSeconds: (performance.now() - started) / 1000, documents };
  });

const rowOf = (from: (typeof NAMES)[number], to: (typeof NAMES)[number]): Row => ({
  name: `${from}-${to}`,
  title: `${from} -> ${to} in one PostgreSQL`,
  servers: [],
  measure: async (bench) => {
    const documents = documentsOf(bench, 10_000, 2_000);
    const shape = { documents, sizes: SMALL, seed: 2, driver: from };
    const { place, signal } = bench;
    const contenders = await alternate(bench, [
      {
        name: OURS,
        measure: async () => {
          await using database = await place.createDatabase(shape);
          const [source, destination] = from === 'db' ? [DB, DB2] : [DB2, DB];
          return await measureMigration(place, { database, from: source, to: destination, documents, signal });
        },
      },
      {
        name: INSERT,
        measure: async () => {
          await using database = await place.createDatabase(shape);
          return await measureInsert(bench, database.url, documents, from === 'db' ? COPY_TO_DB2 : COPY_TO_DB);
        },
      },
    ]);
    return {
      conditions: { documents },
      contenders,
      claims: [
        {
          what: `${from} -> ${to} against one plain INSERT ... SELECT`,
          target: { bound: 'at least', value: 0.4 },
          unit: 'x',
          values: ratiosOf(ratesOf(contenders, OURS), ratesOf(contenders, INSERT)),
        },
      ],
    };
  },
});

export const withinDatabase: readonly Row[] = [rowOf('db', 'db2'), rowOf('db2', 'db')];
