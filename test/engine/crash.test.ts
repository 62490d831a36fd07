import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { startFauxqs } from '../support/fauxqs.ts';
import { createPlace, DB_ARCHIVE, type EnginePlace, send } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

const KEYS = 6;
const WRITERS = 8;
const ROUNDS = 3;

const pathOf = (key: number): string => `/v1/objects/raw/b/key-${key}`;

/** A version that says which it is, of varied size, compressible or not. */
const contentOf = (key: number, version: number): Buffer => {
  const head = `${key}:${version}:`;
  const body = createHash('sha256')
    .update(head)
    .digest('hex')
    .repeat(10 + ((version * 37) % 400));
  return Buffer.from(head + (version % 2 === 0 ? body : 'a'.repeat(body.length)));
};

const versionOf = (key: number, bytes: Buffer): number | undefined => {
  const match = /^(\d+):(\d+):/.exec(bytes.subarray(0, 40).toString('latin1'));
  const version = Number(match?.[2]);
  return match?.[1] === String(key) && contentOf(key, version).equals(bytes) ? version : undefined;
};

/** What each key's readers may meet. */
class Model {
  /** The newest version whose write was acknowledged; writers of a key take turns. */
  readonly acknowledged = new Map<number, number>();
  readonly attempted = new Map<number, number>();
}

const readVersion = async (url: string, key: number): Promise<number | undefined> => {
  const answer = await fetch(url + pathOf(key), {
    headers: { authorization: `Basic ${Buffer.from('admin:secret-admin').toString('base64')}` },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.ok([200, 404].includes(answer.status), `key ${key}: ${answer.status} ${bytes.toString().slice(0, 300)}`);
  if (answer.status === 404) return undefined;
  const version = versionOf(key, bytes);
  assert.notEqual(
    version,
    undefined,
    `key ${key}: neither the old nor the new content: ${bytes.toString('latin1', 0, 60)}`,
  );
  return version;
};

/** Writes until the service is gone. */
const writeUntilKilled = async (url: string, model: Model, stopped: AbortSignal): Promise<void> => {
  const loop = async (writer: number): Promise<void> => {
    const key = writer % KEYS;
    while (!stopped.aborted) {
      const version = (model.attempted.get(key) ?? 0) + 1;
      model.attempted.set(key, version);
      const answer = await send(url, 'POST', pathOf(key), {
        body: Uint8Array.from(contentOf(key, version)),
        headers: { 'content-type': 'application/octet-stream' },
      }).catch(() => undefined);
      if (answer === undefined) return;
      assert.equal(answer.status, 200, answer.text);
      model.acknowledged.set(key, Math.max(model.acknowledged.get(key) ?? 0, version));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, index) => loop(index)));
};

/** Kills somewhere in the middle of the load, however fast the machine is, once each key has been written: some have to wait for late writes. */
const killAfterSome = async (engine: EngineProcess, model: Model): Promise<void> => {
  const total = (): number => [...model.acknowledged.values()].reduce((sum, version) => sum + version, 0);
  const target = total() + 25 + randomInt(30);
  const before = new Map(model.acknowledged);
  const isWritten = (key: number): boolean => (model.acknowledged.get(key) ?? 0) > (before.get(key) ?? 0);
  const isEnough = (): boolean => total() >= target && Array.from({ length: KEYS }, (_, key) => key).every(isWritten);
  const deadline = performance.now() + 60_000;
  while (!isEnough() && performance.now() < deadline) await sleep(5);
  await sleep(randomInt(20));
  await engine.end('SIGKILL');
};

const checkAll = async (url: string, model: Model): Promise<void> => {
  for (let key = 0; key < KEYS; key += 1) {
    const version = (await readVersion(url, key)) ?? 0;
    const acknowledged = model.acknowledged.get(key) ?? 0;
    // Some keys have two writers, which do not wait for each other.
    const least = key < WRITERS - KEYS ? Math.min(1, acknowledged) : acknowledged;
    assert.ok(version >= least, `key ${key}: ${version} is older than ${acknowledged}, which was acknowledged`);
  }
};

const killUnderLoad = async (place: EnginePlace, config: string): Promise<void> => {
  const model = new Model();
  await using processes = new AsyncDisposableStack();
  let engine = processes.use(await EngineProcess.start(['-c', config]));
  for (let round = 0; round < ROUNDS; round += 1) {
    const stopped = new AbortController();
    const writing = writeUntilKilled(engine.urlOf('catalog'), model, stopped.signal);
    await killAfterSome(engine, model);
    stopped.abort();
    await writing;
    engine = processes.use(await EngineProcess.start(['-c', config]));
    await checkAll(engine.urlOf('catalog'), model);
  }
  assert.equal(await engine.end('SIGTERM'), 0, engine.stderr);
  assert.deepEqual(await place.database.query('SELECT * FROM services'), []);
  assert.ok(
    [...model.acknowledged.values()].every((version) => version > 2),
    'too little was written',
  );
};

describe('kill -9 under write load leaves each document old or new', () => {
  test('in the database', async () => {
    await using place = await createPlace();
    await killUnderLoad(place, await place.configure({ archive: DB_ARCHIVE }));
  });

  test('in files, and nothing is left to find out', async () => {
    await using place = await createPlace();
    const archive = `{compression: {enabled: true, min_size_kbytes: 1}, storage_driver: {name: localfs, config: {archive_data_dir: '${join(place.folder, 'documents')}'}}}`;
    await killUnderLoad(place, await place.configure({ archive }));
    assert.deepEqual(await place.database.query('SELECT * FROM archive_engine_intent'), []);
    assert.deepEqual(await place.database.query('SELECT * FROM archive_metadata WHERE digest IS NULL'), []);
  });

  test('in S3, also while late writes are waited for', async () => {
    await using s3 = await startFauxqs();
    await s3.createBucket('crash');
    await using place = await createPlace();
    const archive = `{storage_driver: {name: s3, config: {url: '${s3.url}', bucket: crash, access_key: a, secret_key: secret-b}}}`;
    await killUnderLoad(place, await place.configure({ archive }));
  });
});
