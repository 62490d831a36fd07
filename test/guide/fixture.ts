import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findDocument } from '../../src/archive/archive.ts';
import type { Store } from '../../src/archive/store.ts';
import { readArchiveConfig } from '../../src/config/archive-section.ts';
import type { Database } from '../../src/database/database.ts';
import type { DocumentKey } from '../../src/drivers/contract.ts';
import { openDriver } from '../../src/drivers/registry.ts';
import { FIXTURE_TSV } from '../support/postgres.ts';

export interface FixtureDocument {
  readonly key: DocumentKey;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What the real Anchore Engine wrote, by the list beside its database. */
export const readFixtureDocuments = async (): Promise<readonly FixtureDocument[]> => {
  const [, ...lines] = (await readFile(FIXTURE_TSV, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => {
    const [userId = '', bucket = '', archiveId = '', size = '', sha256 = ''] = line.split('\t');
    return { key: { userId, bucket, archiveId, documentName: `${archiveId}.json` }, sizeBytes: Number(size), sha256 };
  });
};

export interface StoreSection {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly compressed: boolean;
}

/** A config.yaml as an operator has it; JSON is YAML. */
export const writeConfig = async (
  folder: string,
  name: string,
  section: StoreSection,
  databaseUrl: string,
): Promise<string> => {
  const file = join(folder, `${name}.yaml`);
  const archive = {
    compression: { enabled: section.compressed, min_size_kbytes: 1 },
    storage_driver: { name: section.name, config: section.config },
  };
  const content = {
    services: { catalog: { enabled: true, archive } },
    credentials: { database: { db_connect: databaseUrl, db_connect_args: {} } },
  };
  await writeFile(file, JSON.stringify(content, null, 2));
  return file;
};

/** Opens the store of a configuration file, as a service would. */
export const openStore = async (db: Database, file: string): Promise<Store & AsyncDisposable> => {
  const section = await readArchiveConfig(file, {});
  const driver = await openDriver(section.driver, { database: db, environment: {} });
  await driver.prepare();
  return {
    driver,
    codec: section.compression,
    identity: await driver.identify(),
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
};

/** Documents that do not read back through the store with their SHA-256. */
export const findUnreadable = async (
  db: Database,
  store: Store,
  documents: readonly FixtureDocument[],
): Promise<readonly string[]> => {
  const wrong: string[] = [];
  for (const { key, sha256 } of documents) {
    const content = await findDocument(db, store, key).catch((error: unknown) => Buffer.from(String(error)));
    const found = content && createHash('sha256').update(content).digest('hex');
    if (found !== sha256) wrong.push(`${key.bucket}/${key.archiveId}`);
  }
  return wrong;
};

export const countObjects = async (store: Store): Promise<number> => {
  let count = 0;
  for await (const _ of store.driver.list()) count += 1;
  return count;
};
