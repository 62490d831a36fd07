import { join } from 'node:path';
import { CONCURRENCIES, LOOP, OURS } from '../contenders.ts';
import { SMALL } from '../documents/bodies.ts';
import { type ExportedDocuments, exportDocuments } from '../documents/export-documents.ts';
import { pointToS3 } from '../documents/point-rows.ts';
import { measureMigration } from '../manager.ts';
import type { StoreServer } from '../place.ts';
import type { Sample } from '../result.ts';
import { findBest } from '../rivals/find-best.ts';
import { runObjectLoop } from '../rivals/run-script.ts';
import { alternate, type Bench, documentsOf, ratesOf, type Row } from '../row.ts';
import { ratiosOf } from '../statistics.ts';
import { s3PlaceOf, s3Store } from '../stores.ts';

const SWEEP_PART = 8;
const FILLING_CONCURRENCY = 32;

/** Buckets of one server, with the documents put into one of them where that is wanted. */
const openBuckets = (bench: Bench, server: StoreServer, exported: ExportedDocuments) => {
  const open = async () => s3PlaceOf(await bench.place.getServer(server));
  return {
    open,
    fill: async () => {
      const place = await open();
      await runObjectLoop(bench, {
        target: { kind: 's3', place },
        action: { kind: 'put' },
        payloadFiles: exported.keys.map((key) => join(exported.folder, key)),
        keys: exported.keys,
        concurrency: FILLING_CONCURRENCY,
      });
      return place;
    },
  };
};

const rowOf = (server: StoreServer, full: number): Row => ({
  name: `s3-s3-${server}`,
  title: `s3 -> s3 on one endpoint, ${server}`,
  servers: [server],
  measure: async (bench) => {
    const documents = documentsOf(bench, full, 400);
    const shape = { documents, sizes: SMALL, seed: 7 };
    const { place, signal } = bench;
    const exported = await (async () => {
      await using database = await place.createDatabase(shape);
      return await exportDocuments(database.url, await place.makeFolder('documents'));
    })();
    const buckets = openBuckets(bench, server, exported);
    const { bucket } = await buckets.fill();
    const copy = async (concurrency: number, keys = exported.keys): Promise<Sample> =>
      runObjectLoop(bench, {
        target: { kind: 's3', place: await buckets.open() },
        action: { kind: 'copy', fromContainer: bucket },
        payloadFiles: [],
        keys,
        concurrency,
      });
    const part = exported.keys.slice(0, Math.ceil(documents / SWEEP_PART));
    const concurrency = await findBest(CONCURRENCIES, (setting) => copy(setting, part));
    const contenders = await alternate(bench, [
      {
        name: OURS,
        measure: async () => {
          const [from, to] = [await buckets.fill(), await buckets.open()];
          await using database = await place.createDatabase(shape);
          await pointToS3(database.url, from.bucket);
          return await measureMigration(place, { database, from: s3Store(from), to: s3Store(to), documents, signal });
        },
      },
      { name: LOOP, measure: () => copy(concurrency) },
    ]);
    return {
      conditions: { documents, concurrencyOfBareRequests: concurrency },
      contenders,
      claims: [
        {
          what: `s3 -> s3 on one endpoint (${server}) against bare server-side copies`,
          target: { bound: 'at least', value: 0.85 },
          unit: 'x',
          values: ratiosOf(ratesOf(contenders, OURS), ratesOf(contenders, LOOP)),
        },
      ],
    };
  },
});

export const withinS3: readonly Row[] = [rowOf('swift', 1_200), rowOf('versitygw', 3_000)];
