import { CONCURRENCIES, OURS, RCLONE } from '../contenders.ts';
import { SMALL } from '../documents/bodies.ts';
import { type ExportedDocuments, exportDocuments, linkPart } from '../documents/export-documents.ts';
import { measureMigration } from '../manager.ts';
import type { Sample } from '../result.ts';
import { findBest } from '../rivals/find-best.ts';
import { isRcloneAvailable, RCLONE_VERSION, runRclone } from '../rivals/rclone.ts';
import { alternate, type Bench, documentsOf, ratesOf, type Row } from '../row.ts';
import { ratiosOf } from '../statistics.ts';
import { DB, localfsStore } from '../stores.ts';

const SWEEP_PART = 8;

const copyFiles = async (bench: Bench, from: ExportedDocuments, transfers: number): Promise<Sample> => {
  const path = await bench.place.makeFolder('copied');
  try {
    return await runRclone({
      from: from.folder,
      to: { kind: 'folder', path },
      documents: from.keys.length,
      bytes: from.bytes,
      transfers,
      signal: bench.signal,
      settle: bench.settle,
    });
  } finally {
    await bench.place.removeFolder(path);
  }
};

export const databaseToLocalfs: Row = {
  name: 'db-localfs',
  title: 'db -> localfs, durable',
  servers: [],
  measure: async (bench) => {
    const documents = documentsOf(bench, 10_000, 2_000);
    const shape = { documents, sizes: SMALL, seed: 3 };
    const { place, signal } = bench;
    const exported = await (async () => {
      await using database = await place.createDatabase(shape);
      return await exportDocuments(database.url, await place.makeFolder('documents'));
    })();
    const part = await linkPart(exported, Math.ceil(documents / SWEEP_PART), await place.makeFolder('part'));
    const withRclone = await isRcloneAvailable();
    const transfers = withRclone ? await findBest(CONCURRENCIES, (setting) => copyFiles(bench, part, setting)) : 0;
    const contenders = await alternate(bench, [
      {
        name: OURS,
        measure: async () => {
          await using database = await place.createDatabase(shape);
          const folder = await place.makeFolder('archive');
          try {
            const { bytes } = exported;
            const to = localfsStore(folder);
            return await measureMigration(place, { database, from: DB, to, documents, bytes, signal });
          } finally {
            await place.removeFolder(folder);
          }
        },
      },
      ...(withRclone ? [{ name: RCLONE, measure: () => copyFiles(bench, exported, transfers) }] : []),
    ]);
    return {
      conditions: {
        documents,
        megabytes: Math.round(exported.bytes / 1e6),
        ...(withRclone && { rclone: RCLONE_VERSION, transfersOfRclone: transfers }),
      },
      contenders,
      claims: [
        {
          what: 'db -> localfs, durable, against rclone copy of the files, not durable',
          target: { bound: 'at least', value: 0.4 },
          unit: 'x',
          values: ratiosOf(ratesOf(contenders, OURS), ratesOf(contenders, RCLONE)),
        },
      ],
    };
  },
};
