import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../../src/archive/store.ts';
import { readArchiveConfig } from '../../src/config/archive-section.ts';
import type { Database } from '../../src/database/database.ts';
import { openDriver } from '../../src/drivers/registry.ts';
import type { S3Server } from '../support/fauxqs.ts';

export const PLACE_KINDS = ['db', 'db2', 'localfs', 's3'] as const;
export type PlaceKind = (typeof PLACE_KINDS)[number];

/** One side of a trial: a real store, the configuration file that names it, and a look at it past every driver. */
export interface Place {
  readonly kind: PlaceKind;
  readonly configFile: string;
  readonly store: Store;
  /** Everything that the store holds, litter included, as content URLs (or what would be one). */
  listRaw(): Promise<readonly string[]>;
}

interface PlaceOptions {
  readonly kind: PlaceKind;
  readonly name: 'from' | 'to';
  readonly folder: string;
  readonly db: Database;
  readonly s3: S3Server;
  readonly compressed: boolean;
}

export const openPlace = async (options: PlaceOptions): Promise<Place> => {
  const { kind, name, folder, db, s3, compressed } = options;
  const root = join(folder, `${name}-files`);
  const bucket = `${name}-${db.description.split('/').at(-1)?.replaceAll('_', '-') ?? 'archive'}`;
  const driverConfig = {
    db: {},
    db2: {},
    localfs: { archive_data_dir: root },
    s3: { url: s3.url, bucket, prefix: 'archive/', access_key: 'key', secret_key: 'crash-secret' },
  }[kind];
  if (kind === 'localfs') await mkdir(root);
  if (kind === 's3') await s3.createBucket(bucket);
  const configFile = join(folder, `${name}.yaml`);
  const archive = {
    compression: { enabled: compressed, min_size_kbytes: 1 },
    storage_driver: { name: kind, config: driverConfig },
  };
  await writeFile(configFile, JSON.stringify({ services: { catalog: { archive } } }));
  const config = await readArchiveConfig(configFile, {});
  const driver = await openDriver(config.driver, { database: db, environment: {} });
  await driver.prepare();
  const listRaw = async (): Promise<readonly string[]> => {
    switch (kind) {
      case 'db':
        return listTable(db, 'archive_document', `'db://' || "userId" || '/' || bucket || '/' || "archiveId"`);
      case 'db2':
        return listTable(db, 'object_storage', `'db2://' || "userId" || '/' || bucket || '/' || key`);
      case 'localfs':
        return (await readdir(root, { recursive: true, withFileTypes: true }))
          .filter((entry) => !entry.isDirectory())
          .map((entry) => `file://${join(entry.parentPath, entry.name)}`);
      case 's3':
        return (await s3.listKeys(bucket)).map((key) => `s3://${bucket}/${key}`);
    }
  };
  return {
    kind,
    configFile,
    listRaw,
    store: { driver, codec: config.compression, identity: await driver.identify() },
  };
};

const listTable = async (db: Database, table: string, url: string): Promise<readonly string[]> => {
  const { rows } = await db.query<{ url: string }>(`SELECT ${url} AS url FROM ${table}`);
  return rows.map((row) => row.url);
};
