import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { findDocument } from '../../src/archive/archive.ts';
import { compress, readAll } from '../../src/archive/codec.ts';
import { findMetadata, type MetadataRow } from '../../src/archive/metadata-store.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import { silentLog } from '../../src/core/log.ts';
import type { DocumentKey } from '../../src/drivers/contract.ts';
import { openDriver } from '../../src/drivers/registry.ts';
import { contentOf } from '../../src/engine/documents/content-source.ts';
import { DocumentMemory } from '../../src/engine/documents/document-memory.ts';
import { ExternalArchive } from '../../src/engine/documents/external-archive.ts';
import { beginIntent, type Intent, type IntentKind } from '../../src/engine/documents/intent-store.ts';
import { ensureEngineTables } from '../../src/engine/engine-tables.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { withOperations } from '../migration/harness.ts';

const OLD = Buffer.from('old content '.repeat(500));
const NEW = Buffer.from('the new content '.repeat(700));
const signal = new AbortController().signal;

describe('what an ended service has left', () => {
  let opened: OpenTestDatabase;
  let folder = '';
  let store: Store;
  let archive: ExternalArchive;
  let count = 0;
  let key: DocumentKey;

  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureEngineTables(opened.db);
    folder = await mkdtemp(join(tmpdir(), 'test-engine-intents-'));
    const options = {
      archiveDataDir: join(folder, 'documents'),
      owner: undefined,
      fileMode: undefined,
      folderMode: undefined,
    };
    const driver = await openDriver({ name: 'localfs', options }, { environment: {} });
    await driver.prepare();
    store = { driver, codec: { enabled: true, minSizeKbytes: 1 }, identity: await driver.identify() };
    archive = new ExternalArchive(opened.db, store, {
      log: silentLog,
      memory: new DocumentMemory(1e9),
      quietMs: 0,
      scope: 'object-store',
    });
  });
  after(async () => {
    await archive[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    count += 1;
    key = { userId: 'admin', bucket: 'b', archiveId: `id-${count}`, documentName: `id-${count}.json` };
  });

  const read = async (): Promise<string | undefined> => {
    const found = await archive.open(key, signal);
    return found && (await readAll(found.chunks, 1_000_000))?.toString();
  };
  /** As the original services and a migration read it: by the row alone. */
  const readByRow = async (): Promise<string | undefined> => (await findDocument(opened.db, store, key))?.toString();

  const row = (): Promise<MetadataRow | undefined> => findMetadata(opened.db, key);

  /** What stands in the database at the instant at which a service is killed; nobody holds the lock of owner 1. */
  const begin = async (kind: IntentKind, content: Buffer = NEW): Promise<Intent> => {
    const before = await row();
    const compressed = before === undefined || before.compressed === true;
    const payload = payloadOf(compressed ? await compress(content) : content);
    const intent: Intent = {
      key,
      token: `token-${count}`,
      owner: 1,
      kind,
      url: store.driver.locate(key),
      newDigest: payload.md5,
      newSizeBytes: payload.sizeBytes,
      compressed,
      oldDigest: before?.digest ?? null,
      oldSizeBytes: before?.sizeBytes ?? null,
    };
    assert.equal(await beginIntent(opened.db, intent, before), 'begun');
    return intent;
  };
  const write = async (content: Buffer = NEW): Promise<void> => {
    await store.driver.put(key, payloadOf(await compress(content)), { mode: 'replace' });
  };
  const noIntents = async (): Promise<void> =>
    assert.equal((await opened.db.query('SELECT 1 FROM archive_engine_intent')).count, 0);

  test('replace, before its bytes were written', async () => {
    await archive.put(key, contentOf(OLD), signal);
    const before = await row();
    await begin('replace');
    assert.equal(await read(), OLD.toString());
    assert.equal(await readByRow(), OLD.toString());
    assert.equal(await archive.recover(signal), 0);
    assert.deepEqual({ ...(await row()), lastUpdated: 0 }, { ...before, lastUpdated: 0 });
    assert.equal(await read(), OLD.toString());
    await noIntents();
  });

  test('replace, after its bytes were written', async () => {
    await archive.put(key, contentOf(OLD), signal);
    const intent = await begin('replace');
    await write();
    assert.equal(await read(), NEW.toString());
    assert.equal(await readByRow(), NEW.toString());
    await archive.recover(signal);
    assert.equal((await row())?.digest, intent.newDigest);
    assert.equal(await read(), NEW.toString());
    await noIntents();
  });

  test('replace, and then somebody has damaged the bytes: the old digest comes back, so that it is seen', async () => {
    await archive.put(key, contentOf(OLD), signal);
    const before = await row();
    await begin('replace');
    await write(Buffer.from('damage'.repeat(1000)));
    await assert.rejects(read(), /do not match the digest/);
    await archive.recover(signal);
    assert.equal((await row())?.digest, before?.digest);
    await noIntents();
  });

  test('a new document, with and without its bytes', async () => {
    await begin('create');
    assert.equal(await read(), undefined);
    await archive.recover(signal);
    assert.equal(await row(), undefined);
    await begin('create');
    await write();
    await archive.recover(signal);
    assert.equal(await read(), NEW.toString());
    await noIntents();
  });

  test('a delete whose bytes are still there', async () => {
    await archive.put(key, contentOf(OLD), signal);
    await begin('delete');
    assert.equal(await read(), undefined);
    const ref = { key, url: store.driver.locate(key) };
    assert.ok(await store.driver.head(ref));
    await archive.recover(signal);
    assert.equal(await store.driver.head(ref), undefined);
    await noIntents();
  });

  test('a writer that comes by ends it first', async () => {
    await archive.put(key, contentOf(OLD), signal);
    await begin('replace');
    await archive.put(key, contentOf(Buffer.from('third')), signal);
    assert.equal(await read(), 'third');
    await noIntents();
  });

  test('nothing is decided while a late write could still land', async () => {
    await using patient = new ExternalArchive(opened.db, store, {
      log: silentLog,
      memory: new DocumentMemory(1e9),
      quietMs: 60_000,
      scope: 'object-store',
    });
    await archive.put(key, contentOf(OLD), signal);
    await begin('replace');
    assert.equal(await patient.recover(signal), 1);
    await write();
    assert.equal(await patient.recover(signal), 1);
    assert.equal(await read(), NEW.toString());
    await archive.recover(signal);
    await noIntents();
  });

  test('of a service that lives, nothing is touched', async () => {
    const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const slow = withOperations(store.driver, {
      put: async (...args) => {
        arrive();
        await mayGoOn;
        return store.driver.put(...args);
      },
    });
    await archive.put(key, contentOf(OLD), signal);
    await using other = new ExternalArchive(
      opened.db,
      { ...store, driver: slow },
      { log: silentLog, memory: new DocumentMemory(1e9), quietMs: 0, scope: 'object-store' },
    );
    const writing = other.put(key, contentOf(NEW), signal);
    await arrived;
    assert.equal(await archive.recover(signal), 0);
    assert.equal(await read(), OLD.toString());
    const second = archive.put(key, contentOf(Buffer.from('second')), signal);
    goOn();
    await Promise.all([writing, second]);
    assert.equal(await read(), 'second');
    await noIntents();
  });

  test('of a document that a migration has moved since, nothing is touched', async () => {
    await archive.put(key, contentOf(OLD), signal);
    await begin('replace');
    await opened.db.query(`UPDATE archive_engine_intent SET url = 's3://elsewhere/x'`);
    await opened.db.query(`UPDATE archive_metadata SET content_url = 's3://elsewhere/x' WHERE "archiveId" = $1`, [
      key.archiveId,
    ]);
    const before = await row();
    assert.equal(await archive.recover(signal), 0);
    assert.deepEqual(await row(), before);
    await noIntents();
  });

  test('a write whose end could not be recorded is found out while the service goes on', async () => {
    await archive.put(key, contentOf(OLD), signal);
    // The database does not take the end of the intent, and then does again.
    await opened.db.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$`,
    );
    await opened.db.query(
      'CREATE TRIGGER refusing BEFORE UPDATE OR DELETE ON archive_engine_intent FOR EACH ROW EXECUTE FUNCTION refuse()',
    );
    await assert.rejects(archive.put(key, contentOf(NEW), signal), /not now/);
    await opened.db.query('DROP FUNCTION refuse() CASCADE');
    assert.equal(await read(), NEW.toString());
    assert.equal(await archive.recover(signal), 0);
    assert.notEqual((await row())?.digest, null);
    assert.equal(await read(), NEW.toString());
    await noIntents();
  });

  test('a write that fails leaves the old content', async () => {
    const failing = withOperations(store.driver, { put: () => Promise.reject(new Error('no room')) });
    await archive.put(key, contentOf(OLD), signal);
    await using other = new ExternalArchive(
      opened.db,
      { ...store, driver: failing },
      { log: silentLog, memory: new DocumentMemory(1e9), quietMs: 0, scope: 'object-store' },
    );
    await assert.rejects(other.put(key, contentOf(NEW), signal), /no room/);
    assert.equal(await read(), OLD.toString());
    await other.recover(signal);
    assert.equal(await readByRow(), OLD.toString());
    assert.notEqual((await row())?.digest, null);
    await noIntents();
  });
});
