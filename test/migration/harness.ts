import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { putDocument } from '../../src/archive/archive.ts';
import type { Codec } from '../../src/archive/codec.ts';
import { measureObject } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import { createLog } from '../../src/core/log.ts';
import type { Database } from '../../src/database/database.ts';
import type { DocumentKey, Driver } from '../../src/drivers/contract.ts';
import { type FaultPoint, type FaultPoints, noFaults } from '../../src/migration/fault-points.ts';
import { OPEN_GATE } from '../../src/migration/gate.ts';
import type { Environment, MigrateRequest, Side } from '../../src/migration/requests.ts';
import { DEFAULT_SETTINGS, type ProgressEvent } from '../../src/migration/run.ts';

export const PLAIN: Codec = { enabled: false, minSizeKbytes: 100 };
export const COMPRESSED: Codec = { enabled: true, minSizeKbytes: 1 };

export const keyOf = (index: number, bucket = 'analysis_data', userId = 'admin'): DocumentKey => {
  const archiveId = `sha256:${String(index).padStart(6, '0')}`;
  return { userId, bucket, archiveId, documentName: `${archiveId}.json` };
};

export const storeOf = async (driver: Driver, codec: Codec = PLAIN): Promise<Store> => {
  await driver.prepare();
  return { driver, codec, identity: await driver.identify() };
};

export const sideOf = (store: Store, name: string): Side => ({
  store,
  config: `/config/${name}.yaml`,
  archive: 'object-store',
});

export interface TestEnvironment extends Environment {
  readonly lines: string[];
  readonly events: ProgressEvent[];
}

export const environmentOf = (db: Database, overrides: Partial<Environment> = {}): TestEnvironment => {
  const lines: string[] = [];
  const events: ProgressEvent[] = [];
  return {
    db,
    log: createLog({ write: (line) => lines.push(line), debug: true }),
    signal: new AbortController().signal,
    settings: {
      ...DEFAULT_SETTINGS,
      chunkSize: 20,
      batchSize: 7,
      cleanWindow: 15,
      quietPeriodMs: 10,
      standbyTimeoutMs: 2000,
    },
    faults: noFaults,
    toolVersion: '0.0.0-test',
    executorId: 'testhost:1:2:',
    progress: (event) => events.push(event),
    gate: OPEN_GATE,
    ...overrides,
    lines,
    events,
  };
};

export const requestOf = (from: Store, to: Store, overrides: Partial<MigrateRequest> = {}): MigrateRequest => ({
  from: sideOf(from, 'config'),
  to: sideOf(to, 'dest-config'),
  buckets: [],
  keepSource: false,
  skipFailed: false,
  move: false,
  readBack: false,
  force: false,
  ...overrides,
});

/** Puts documents of varied size and kind; the SHA-256 of each content, by archiveId. */
export const seed = async (
  db: Database,
  store: Store,
  count: number,
  bucket = 'analysis_data',
): Promise<Map<string, string>> => {
  const shas = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    const content =
      index % 10 === 9
        ? randomBytes(50 + index)
        : Buffer.from(
            JSON.stringify({
              document: { index, text: 'lorem ipsum '.repeat(index * 7), salt: randomBytes(4).toString('hex') },
            }),
          );
    const key = keyOf(index, bucket);
    await putDocument(db, store, key, content);
    shas.set(key.archiveId, createHash('sha256').update(content).digest('hex'));
  }
  return shas;
};

interface Row {
  bucket: string;
  archiveId: string;
  userId: string;
  documentName: string;
  content_url: string;
  is_compressed: boolean | null;
  digest: string | null;
  size: number | null;
}

/** What is wrong with the archive, read through one store: empty where every row is as it should be (I1). */
export const problemsThrough = async (
  db: Database,
  store: Store,
  expected: ReadonlyMap<string, string>,
): Promise<readonly string[]> => {
  const { rows } = await db.query<Row>('SELECT * FROM archive_metadata ORDER BY bucket, "archiveId"');
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const row of rows) {
    const key = { userId: row.userId, bucket: row.bucket, archiveId: row.archiveId, documentName: row.documentName };
    seen.add(row.archiveId);
    try {
      if (!store.driver.recognises(row.content_url)) throw new Error(`${row.content_url} is elsewhere`);
      const found = await measureObject(store.driver, { key, url: row.content_url }, row.is_compressed === true);
      if (row.digest !== null && found.md5 !== row.digest) throw new Error('digest');
      if (row.size !== null && found.sizeBytes !== row.size) throw new Error('size');
      if (expected.get(row.archiveId) !== found.sha256) throw new Error('content');
    } catch (error) {
      problems.push(`${row.archiveId}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const id of expected.keys()) if (!seen.has(id)) problems.push(`${id}: no row`);
  return problems;
};

export const listUrls = async (driver: Driver): Promise<readonly string[]> => {
  const urls: string[] = [];
  for await (const object of driver.list()) urls.push(object.url);
  return urls.toSorted();
};

/** Resolves once the condition holds; throws after a generous while. */
export const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await condition()) return;
    await sleep(50);
  }
  throw new Error('the condition never held');
};

/** A driver with some of its operations replaced, and without bulk operations that would go around them. */
export const withOperations = (driver: Driver, operations: Partial<Driver>): Driver => {
  const { bulk: _, ...rest } = operations;
  return new Proxy(driver, {
    get(target, property) {
      if (property === 'bulk') return operations.bulk;
      if (property in rest) return Reflect.get(rest, property);
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
};

/** Changes the journal or the archive when a step is reached for the first time. */
export const atPoint = (point: FaultPoint, work: () => Promise<unknown>): FaultPoints => {
  let done = false;
  return {
    reach: async (reached) => {
      if (reached !== point || done) return;
      done = true;
      await work();
    },
  };
};

/** What a kill leaves, without ending the test: nothing after the point is done, not even the state. */
export class Killed extends Error {}

/** A database in which the journal forgets whatever comes after a point, as after a kill. */
export const killedAt = (point: FaultPoint, hit = 1): FaultPoints => {
  let hits = 0;
  return {
    reach: async (reached) => {
      if (reached === point) hits += 1;
      if (hits >= hit) throw new Killed(point);
    },
  };
};
