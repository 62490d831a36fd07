import { join } from 'node:path';
import { CONCURRENCIES, LOOP, ORIGINAL, OURS } from '../contenders.ts';
import { SMALL } from '../documents/bodies.ts';
import { exportDocuments } from '../documents/export-documents.ts';
import { measureMigration } from '../manager.ts';
import type { Sample } from '../result.ts';
import { findBest } from '../rivals/find-best.ts';
import { runObjectLoop, runOriginalOrder } from '../rivals/run-script.ts';
import { alternate, documentsOf, figuresOf, ratesOf, type Row } from '../row.ts';
import { ratiosOf } from '../statistics.ts';
import { DB, openSwiftPlace } from '../stores.ts';

const ORIGINAL_PART = 10;
const SWEEP_PART = 8;

export const databaseToSwift: Row = {
  name: 'db-swift',
  title: "db -> swift, in Swift's own protocol",
  servers: ['swift'],
  measure: async (bench) => {
    const documents = documentsOf(bench, 3_000, 600);
    const shape = { documents, sizes: SMALL, seed: 6 };
    const { place, signal } = bench;
    const openPlace = async () => openSwiftPlace(await place.getServer('swift'));
    const exported = await (async () => {
      await using database = await place.createDatabase(shape);
      return await exportDocuments(database.url, await place.makeFolder('documents'));
    })();
    const loop = async (concurrency: number, keys = exported.keys): Promise<Sample> =>
      runObjectLoop(bench, {
        target: { kind: 'swift', ...(await openPlace()) },
        action: { kind: 'put' },
        payloadFiles: keys.map((key) => join(exported.folder, key)),
        keys,
        concurrency,
      });
    const part = exported.keys.slice(0, Math.ceil(documents / SWEEP_PART));
    const concurrency = await findBest(CONCURRENCIES, (setting) => loop(setting, part));
    const contenders = await alternate(bench, [
      {
        name: OURS,
        measure: async () => {
          await using database = await place.createDatabase(shape);
          const { store } = await openPlace();
          return await measureMigration(place, { database, from: DB, to: store, documents, signal });
        },
      },
      {
        name: ORIGINAL,
        measure: async () => {
          await using database = await place.createDatabase(shape);
          return await runOriginalOrder(bench, {
            databaseUrl: database.url,
            target: { kind: 'swift', ...(await openPlace()) },
            documents: Math.ceil(documents / ORIGINAL_PART),
          });
        },
      },
      { name: LOOP, measure: () => loop(concurrency) },
    ]);
    const cpu = (name: string): readonly number[] => figuresOf(contenders, name, (sample) => sample.cpuSeconds);
    const ours = ratesOf(contenders, OURS);
    return {
      conditions: { documents, concurrencyOfBareRequests: concurrency },
      contenders,
      claims: [
        {
          what: "db -> swift against the original's order of work",
          target: { bound: 'at least', value: 5 },
          unit: 'x',
          values: ratiosOf(ours, ratesOf(contenders, ORIGINAL)),
        },
        { what: 'db -> swift against bare PUTs', unit: 'x', values: ratiosOf(ours, ratesOf(contenders, LOOP)) },
        { what: 'CPU of db -> swift against that of bare PUTs', unit: 'x', values: ratiosOf(cpu(OURS), cpu(LOOP)) },
      ],
    };
  },
};
