import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineProcess } from '../../test/engine/engine-process.ts';
import { SMALL, TINY } from '../documents/bodies.ts';
import { exportDocuments, type ExportedDocuments } from '../documents/export-documents.ts';
import type { BenchDatabase, StoreServer } from '../place.ts';
import type { Sample } from '../result.ts';
import { runDocumentLoop } from '../rivals/run-script.ts';
import { alternate, type Bench, documentsOf, figuresOf, ratesOf, type Row } from '../row.ts';
import { ratiosOf } from '../statistics.ts';
import { type BenchStore, DB, DB2, localfsStore, openSwiftPlace, s3PlaceOf, s3Store, writeConfig } from '../stores.ts';

const SERVICE = 'through the service';
const DRIVER = 'the driver alone';
const CONCURRENCY = 16;
const MAX_RUNS = 3;
const PASSWORD = 'bench-password';

const openStore = async ({ place }: Bench, driver: BenchStore['driver']): Promise<BenchStore> => {
  switch (driver) {
    case 'db':
      return DB;
    case 'db2':
      return DB2;
    case 'localfs':
      return localfsStore(await place.makeFolder('archive'));
    case 's3':
      return s3Store(s3PlaceOf(await place.getServer('versitygw')));
    case 'swift':
      return (await openSwiftPlace(await place.getServer('swift'))).store;
  }
};

/** Tables without a row: the service refuses documents that it could not read. */
const openEmptyDatabase = (bench: Bench): Promise<BenchDatabase> =>
  bench.place.createDatabase({ documents: 0, sizes: TINY, seed: 11 });

const throughService = async (bench: Bench, store: BenchStore, exported: ExportedDocuments): Promise<Sample> => {
  await using database = await openEmptyDatabase(bench);
  const folder = await bench.place.makeFolder('service');
  const file = join(folder, 'config.yaml');
  const listening = 'listen: 127.0.0.1, port: 0, endpoint_hostname: 127.0.0.1';
  const storage = JSON.stringify({ storage_driver: { name: store.driver, config: store.config } });
  await writeFile(
    file,
    `host_id: bench
services:
  catalog: {enabled: true, ${listening}, object_store: ${storage}}
credentials: {database: {db_connect: '${database.url}', db_connect_args: {timeout: 30}}}
default_admin_password: ${PASSWORD}
`,
    { mode: 0o600 },
  );
  await using service = await EngineProcess.start(['-c', file], { folder });
  const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
  const { folder: documents, keys } = exported;
  const sample = await runDocumentLoop(bench, {
    through: { kind: 'service', catalogUrl: service.urlOf('catalog'), authorization },
    folder: documents,
    keys,
    concurrency: CONCURRENCY,
  });
  await service.end('SIGTERM');
  await bench.place.removeFolder(folder);
  return sample;
};

const byDriver = async (bench: Bench, store: BenchStore, { folder, keys }: ExportedDocuments): Promise<Sample> => {
  await using database = await openEmptyDatabase(bench);
  const configFile = await writeConfig(bench.place, store);
  return await runDocumentLoop(bench, {
    through: { kind: 'driver', configFile, databaseUrl: database.url },
    folder,
    keys,
    concurrency: CONCURRENCY,
  });
};

const rowOf = (driver: BenchStore['driver'], servers: readonly StoreServer[]): Row => ({
  name: `service-${driver}`,
  title: `Documents through the service, ${driver}`,
  servers,
  measure: async (bench) => {
    const documents = documentsOf(bench, 1_000, 300);
    const exported = await (async () => {
      await using database = await bench.place.createDatabase({ documents, sizes: SMALL, seed: 12 });
      return await exportDocuments(database.url, await bench.place.makeFolder('documents'));
    })();
    const contenders = await alternate(
      bench,
      [
        { name: SERVICE, measure: async () => throughService(bench, await openStore(bench, driver), exported) },
        { name: DRIVER, measure: async () => byDriver(bench, await openStore(bench, driver), exported) },
      ],
      Math.min(MAX_RUNS, bench.runs),
    );
    const reading = (name: string): readonly number[] =>
      figuresOf(contenders, name, ({ more }) => documents / (more?.['getSeconds'] ?? Number.NaN));
    return {
      conditions: { documents, concurrency: CONCURRENCY },
      contenders,
      claims: [
        {
          what: `documents/s written through the service, ${driver}`,
          unit: 'documents/s',
          values: ratesOf(contenders, SERVICE),
        },
        {
          what: `written through the service against the driver alone, ${driver}`,
          unit: 'x',
          values: ratiosOf(ratesOf(contenders, SERVICE), ratesOf(contenders, DRIVER)),
        },
        { what: `documents/s read through the service, ${driver}`, unit: 'documents/s', values: reading(SERVICE) },
        {
          what: `read through the service against the driver alone, ${driver}`,
          unit: 'x',
          values: ratiosOf(reading(SERVICE), reading(DRIVER)),
        },
      ],
    };
  },
});

export const service: readonly Row[] = [
  rowOf('db', []),
  rowOf('db2', []),
  rowOf('localfs', []),
  rowOf('s3', ['versitygw']),
  rowOf('swift', ['swift']),
];
