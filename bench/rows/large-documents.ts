import { join } from 'node:path';
import { LOOP, OURS } from '../contenders.ts';
import { TINY } from '../documents/bodies.ts';
import { linkFile, writeLargeFiles, writeSparseFile } from '../documents/large-files.ts';
import { pointToLocalfs, recordContents } from '../documents/point-rows.ts';
import { measureMigration } from '../manager.ts';
import { megabytesPerSecond, type Sample } from '../result.ts';
import { findBest } from '../rivals/find-best.ts';
import { runObjectLoop } from '../rivals/run-script.ts';
import { alternate, type Bench, documentsOf, figuresOf, type Row } from '../row.ts';
import { ratiosOf } from '../statistics.ts';
import { localfsStore, s3PlaceOf, s3Store } from '../stores.ts';

const MEGABYTE = 1e6;
const SIZE_BYTES = 16 * MEGABYTE;
const FEW = [1, 2, 4, 8] as const;
const SWEEP_PART = 8;
/** Held in memory by the bare requests, so that reading does not slow them; objects take them in turn. */
const PAYLOADS_IN_MEMORY = 8;

/** A new server each time: what a run has stored would fill the disk. */
const freshS3 = async ({ place }: Bench) => s3PlaceOf(await place.getServer('versitygw', { fresh: true }));

export const sixteenMegabytes: Row = {
  name: 'localfs-s3-16mb',
  title: 'localfs -> s3, documents of 16 MB',
  servers: ['versitygw'],
  measure: async (bench) => {
    const documents = documentsOf(bench, 200, 16);
    const { place, signal } = bench;
    const files = await writeLargeFiles(await place.makeFolder('large'), documents, SIZE_BYTES);
    const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const put = async (concurrency: number, count = documents): Promise<Sample> =>
      runObjectLoop(bench, {
        target: { kind: 's3', place: await freshS3(bench) },
        action: { kind: 'put' },
        payloadFiles: files.slice(0, PAYLOADS_IN_MEMORY).map(({ path }) => path),
        keys: files.slice(0, count).map((_, index) => `admin/analysis_data/${index}`),
        concurrency,
      });
    const concurrency = await findBest(FEW, (setting) => put(setting, Math.ceil(documents / SWEEP_PART)));
    const migrate = async (): Promise<Sample> => {
      const to = s3Store(await freshS3(bench));
      const root = await place.makeFolder('archive');
      await using database = await place.createDatabase({ documents, sizes: TINY, seed: 9 });
      const paths = await pointToLocalfs(database.url, root);
      const contents = files.map((file, index) => ({ ...file, path: paths[index] ?? '' }));
      await recordContents(database.url, contents);
      for (const [index, file] of files.entries()) await linkFile(file, join(root, paths[index] ?? ''));
      const from = localfsStore(root);
      return await measureMigration(place, { database, from, to, documents, bytes, signal });
    };
    const contenders = await alternate(bench, [
      { name: OURS, measure: migrate },
      { name: LOOP, measure: () => put(concurrency) },
    ]);
    const speeds = (name: string): readonly number[] => figuresOf(contenders, name, megabytesPerSecond);
    return {
      conditions: { documents, concurrencyOfBareRequests: concurrency },
      contenders,
      claims: [
        {
          what: 'MB/s of localfs -> s3, documents of 16 MB, against bare signed PUTs',
          target: { bound: 'at least', value: 0.9 },
          unit: 'x',
          values: ratiosOf(speeds(OURS), speeds(LOOP)),
        },
        {
          what: 'peak memory, localfs -> s3, documents of 16 MB',
          target: { bound: 'at most', value: 350 },
          unit: 'MB',
          values: figuresOf(contenders, OURS, ({ peakMemoryBytes }) => (peakMemoryBytes ?? 0) / MEGABYTE),
        },
      ],
    };
  },
};

export const oneHugeDocument: Row = {
  name: 'localfs-s3-5gb',
  title: 'One document of 5 GB, localfs -> s3',
  servers: ['versitygw'],
  measure: async (bench) => {
    const sizeBytes = bench.full ? 5e9 : 3e8;
    const { place, signal } = bench;
    const migrate = async (): Promise<Sample> => {
      const to = s3Store(await freshS3(bench));
      const root = await place.makeFolder('archive');
      await using database = await place.createDatabase({ documents: 1, sizes: TINY, seed: 10 });
      const [path = ''] = await pointToLocalfs(database.url, root);
      const file = await writeSparseFile(join(root, path), sizeBytes);
      await recordContents(database.url, [{ ...file, path }]);
      const from = localfsStore(root);
      try {
        return await measureMigration(place, { database, from, to, documents: 1, bytes: sizeBytes, signal });
      } finally {
        await place.removeFolder(root);
      }
    };
    // What is asked for is a limit of memory: one run shows whether it holds.
    const contenders = await alternate(bench, [{ name: OURS, measure: migrate }], 1);
    return {
      conditions: { megabytes: sizeBytes / MEGABYTE },
      contenders,
      claims: [
        {
          what: `peak memory, one document of ${sizeBytes / 1e9} GB, localfs -> s3`,
          target: { bound: 'at most', value: 350 },
          unit: 'MB',
          values: figuresOf(contenders, OURS, ({ peakMemoryBytes }) => (peakMemoryBytes ?? 0) / MEGABYTE),
        },
        {
          what: `MB/s, one document of ${sizeBytes / 1e9} GB, localfs -> s3`,
          unit: 'MB/s',
          values: figuresOf(contenders, OURS, megabytesPerSecond),
        },
      ],
    };
  },
};
