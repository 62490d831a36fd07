import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { deleteDocument, putDocument } from '../../src/archive/archive.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import type { ErrorCode } from '../../src/core/error-catalogue.ts';
import { isAppError } from '../../src/core/errors.ts';
import type { Database, Session } from '../../src/database/database.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import { MemorySpaces, openMemoryDriver } from '../../src/drivers/memory/driver.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { rollback } from '../../src/migration/rollback.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import {
  atPoint,
  COMPRESSED,
  environmentOf,
  keyOf,
  Killed,
  killedAt,
  listUrls,
  PLAIN,
  problemsThrough,
  requestOf,
  seed,
  sideOf,
  storeOf,
  withOperations,
} from './harness.ts';

const OFFLINE = { online: false };
const ONLINE = { online: true };

const refusal = (code: ErrorCode) => (error: unknown) => {
  assert.ok(isAppError(error, code), `expected ${code}; got ${String(error)}`);
  return true;
};

/** Real sessions of the database, lent out as a pooler in transaction mode does: the one that was used last comes first. */
const poolTransactions = async (db: Database): Promise<Database> => {
  const free = [await db.openSession(), await db.openSession()];
  const all = [...free];
  const borrow = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    const session = free.pop();
    if (session === undefined) throw new Error('more was asked for at once than the test expected');
    try {
      return await work(session);
    } finally {
      free.push(session);
    }
  };
  const client: Omit<Session, 'lost'> = {
    query: (text, values) => borrow((session) => session.query(text, values)),
    transaction: (work) => borrow((session) => session.transaction(work)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return {
    ...client,
    kind: db.kind,
    description: db.description,
    schema: db.schema,
    openSession: () => Promise.resolve({ ...client, lost: new AbortController().signal }),
    sync: () => db.sync(),
    [Symbol.asyncDispose]: async () => {
      for (const session of all) await session[Symbol.asyncDispose]();
    },
  };
};

/** The rules of the protocol, each by a case that goes wrong without it. The table in ARCHITECTURE.md names them. */
describe('rules R10 to R18 of the migration protocol', () => {
  let opened: OpenTestDatabase;
  let spaces: MemorySpaces;
  let from: Store;
  let to: Store;

  const memory = (space: string, prefix: string): Driver => openMemoryDriver({ space, prefix }, spaces);
  const undo = (id: number, deleteCopies = false) => ({
    id,
    from: sideOf(from, 'config'),
    to: sideOf(to, 'dest-config'),
    deleteCopies,
    force: false,
  });
  const setRow = (index: number, set: string) =>
    opened.db.query(`UPDATE archive_metadata SET ${set} WHERE "archiveId" = $1`, [keyOf(index).archiveId]);

  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());
  beforeEach(async () => {
    spaces = new MemorySpaces();
    from = await storeOf(memory('from', 'a/'));
    to = await storeOf(memory('to', 'b/'), COMPRESSED);
    for (const table of ['archive_metadata', 'archive_mover_migration', 'archive_mover_current_store', 'services']) {
      await opened.db.query(`DELETE FROM ${table}`);
    }
  });

  describe('R10 foreign objects', () => {
    test('other bytes at the destination are never overwritten', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 4);
      const foreign = payloadOf(Buffer.from('not ours'));
      await to.driver.put(keyOf(2), foreign, { mode: 'create' });
      const result = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.equal(result.outcome, 'failed-documents');
      assert.deepEqual(Object.fromEntries(result.failures), { 'document.conflict': 1 });
      assert.equal((await to.driver.head({ key: keyOf(2), url: to.driver.locate(keyOf(2)) }))?.md5, foreign.md5);
      assert.deepEqual(await problemsThrough(db, from, expected), []);
    });

    test('the same bytes are used, and are not ours to delete afterwards', async () => {
      const { db } = opened;
      const plain = await storeOf(memory('to', 'b/'), PLAIN);
      to = plain;
      await seed(db, from, 4);
      const content = Buffer.from('{"document": "the same"}');
      await putDocument(db, from, keyOf(1), content);
      await plain.driver.put(keyOf(1), payloadOf(content), { mode: 'create' });
      const result = await migrate(environmentOf(db), requestOf(from, plain, { keepSource: true }), OFFLINE);
      assert.equal(result.outcome, 'complete');
      await rollback(environmentOf(db), undo(result.id, true));
      assert.deepEqual(await listUrls(plain.driver), [plain.driver.locate(keyOf(1))]);
    });

    test('intent finds the copies that a kill has orphaned', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 10);
      const killed = environmentOf(db, { faults: killedAt('copy.after-write') });
      await assert.rejects(migrate(killed, requestOf(from, to), OFFLINE), Killed);
      assert.ok((await listUrls(to.driver)).length > 0);
      const { rows } = await db.query<{ id: number }>('SELECT id FROM archive_mover_migration');
      await rollback(environmentOf(db), undo(rows[0]?.id ?? 0, true));
      assert.deepEqual(await listUrls(to.driver), []);
      assert.deepEqual(await problemsThrough(db, from, expected), []);
    });
  });

  describe('R11 resume trusts nothing old', () => {
    test('a copy that was damaged since is found and copied again', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 10);
      await migrate(environmentOf(db), requestOf(from, to), ONLINE);
      await to.driver.delete([{ ref: { key: keyOf(5), url: to.driver.locate(keyOf(5)) }, md5: undefined }]);
      const result = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.equal(result.outcome, 'complete');
      assert.deepEqual(await problemsThrough(db, to, expected), []);
    });

    test('another codec or another store is refused', async () => {
      const { db } = opened;
      await seed(db, from, 3);
      await migrate(environmentOf(db), requestOf(from, to), ONLINE);
      const recoded = requestOf(from, { ...to, codec: PLAIN });
      await assert.rejects(migrate(environmentOf(db), recoded, OFFLINE), refusal('refused.changed-store'));
      const elsewhere = requestOf(from, await storeOf(memory('third', 'c/')));
      await assert.rejects(migrate(environmentOf(db), elsewhere, OFFLINE), refusal('refused.unfinished'));
    });
  });

  describe('R12 several rows, one object', () => {
    test('rows that disagree about an object fail; rows that agree move together', async () => {
      const { db } = opened;
      await seed(db, from, 4);
      const copyRow = (name: string, digest: string) =>
        db.query(
          `INSERT INTO archive_metadata SELECT bucket, "archiveId", "userId", $2, content_url, is_compressed, ${digest}, size,
                  document_metadata, created_at, last_updated, record_state_key, record_state_val
             FROM archive_metadata WHERE "archiveId" = $1 AND "documentName" = $3`,
          [keyOf(1).archiveId, name, keyOf(1).documentName],
        );
      await copyRow('same.json', 'digest');
      const agreed = await migrate(environmentOf(db), requestOf(from, to, { keepSource: true }), OFFLINE);
      assert.equal(agreed.outcome, 'complete');
      await rollback(environmentOf(db), undo(agreed.id, true));
      await copyRow('other.json', `'00000000000000000000000000000000'`);
      const result = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.deepEqual(Object.fromEntries(result.failures), { 'document.ambiguous': 3 });
    });
  });

  describe('R13 rollback', () => {
    test('is refused once cleaning has begun', async () => {
      const { db } = opened;
      await seed(db, from, 5);
      const result = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      await assert.rejects(rollback(environmentOf(db), undo(result.id)), refusal('refused.cannot-roll-back'));
      assert.deepEqual(await listUrls(from.driver), [], 'nothing was copied back');
      assert.equal((await db.query('SELECT id FROM archive_mover_migration')).count, 1);
    });

    test('is all or nothing: an old object that is gone is copied back, a damaged one keeps everything as it is', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 5);
      const result = await migrate(environmentOf(db), requestOf(from, to, { keepSource: true }), OFFLINE);
      await from.driver.put(keyOf(2), payloadOf(Buffer.from('damaged')), { mode: 'replace' });
      const back = await rollback(environmentOf(db), undo(result.id));
      assert.equal(back.outcome, 'failed-documents');
      assert.deepEqual(await problemsThrough(db, to, expected), []);
    });

    test('brings back what services wrote since', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 5);
      const result = await migrate(environmentOf(db), requestOf(from, to, { keepSource: true }), OFFLINE);
      await putDocument(db, to, keyOf(77), Buffer.from('"since"'));
      const { createHash } = await import('node:crypto');
      expected.set(keyOf(77).archiveId, createHash('sha256').update('"since"').digest('hex'));
      assert.equal((await rollback(environmentOf(db), undo(result.id))).outcome, 'complete');
      assert.deepEqual(await problemsThrough(db, from, expected), []);
    });
  });

  describe('R14 is anything running?', () => {
    test('a recent heartbeat refuses, an old one does not', async () => {
      const { db } = opened;
      await seed(db, from, 2);
      const beat = (age: number) =>
        db.query(
          `INSERT INTO services (hostid, servicename, heartbeat) VALUES ('node-1', 'catalog', extract(epoch FROM now())::integer - $1)
           ON CONFLICT (hostid, servicename) DO UPDATE SET heartbeat = EXCLUDED.heartbeat`,
          [age],
        );
      await beat(30);
      const refused = migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      await assert.rejects(
        refused,
        (error) => refusal('refused.services-running')(error) && /catalog on node-1/.test(String(error)),
      );
      await beat(600);
      assert.equal((await migrate(environmentOf(db), requestOf(from, to), OFFLINE)).outcome, 'complete');
    });

    for (const [point, held] of [
      ['copy.after-record', 'the switch'],
      ['switch.after-commit', 'cleaning'],
    ] as const) {
      test(`a heartbeat that advances keeps ${held} back, though its clock is an hour slow`, async () => {
        const { db } = opened;
        const expected = await seed(db, from, 3);
        await db.query(
          `INSERT INTO services (hostid, servicename, heartbeat)
           VALUES ('node-1', 'catalog', extract(epoch FROM now())::integer - 3600)`,
        );
        const faults = atPoint(point, () => db.query('UPDATE services SET heartbeat = heartbeat + 60'));
        await assert.rejects(
          migrate(environmentOf(db, { faults }), requestOf(from, to), OFFLINE),
          (error) => refusal('refused.services-running')(error) && /catalog on node-1.*advance/.test(String(error)),
        );
        assert.equal((await listUrls(from.driver)).length, 3, 'nothing was deleted');
        const active = point === 'switch.after-commit' ? to : from;
        assert.deepEqual(await problemsThrough(db, active, expected), []);
        assert.equal((await migrate(environmentOf(db), requestOf(from, to), OFFLINE)).outcome, 'complete');
      });
    }

    test('another session on the database refuses, also in the switch', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 2);
      const { default: pg } = await import('pg');
      const service = new pg.Client({ connectionString: opened.url, application_name: '' });
      const faults = atPoint('copy.after-record', () => service.connect());
      try {
        const run = migrate(environmentOf(db, { faults }), requestOf(from, to), OFFLINE);
        await assert.rejects(run, refusal('refused.services-running'));
        assert.deepEqual(await problemsThrough(db, from, expected), []);
      } finally {
        await service.end();
      }
    });
  });

  describe('R15 precopy', () => {
    test('copies what changed since, drops what was deleted, and leaves no copy of it', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 20);
      assert.equal((await migrate(environmentOf(db), requestOf(from, to), ONLINE)).outcome, 'precopied');
      assert.deepEqual(await problemsThrough(db, from, expected), [], 'precopy changes nothing');
      const { createHash } = await import('node:crypto');
      await putDocument(db, from, keyOf(3), Buffer.from('"newer"'));
      expected.set(keyOf(3).archiveId, createHash('sha256').update('"newer"').digest('hex'));
      await deleteDocument(db, from, keyOf(7));
      expected.delete(keyOf(7).archiveId);
      assert.equal((await migrate(environmentOf(db), requestOf(from, to), ONLINE)).outcome, 'precopied');
      const result = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.equal(result.outcome, 'complete');
      assert.equal(result.counts.dropped, 1);
      assert.deepEqual(await problemsThrough(db, to, expected), []);
      assert.equal((await listUrls(to.driver)).length, 19);
      assert.deepEqual(await listUrls(from.driver), []);
    });

    test('a document that is rewritten while it is read is read again', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 3);
      const { createHash } = await import('node:crypto');
      let rewritten = false;
      const racing = withOperations(from.driver, {
        get: async (ref, signal) => {
          if (!rewritten && ref.key.archiveId === keyOf(1).archiveId) {
            rewritten = true;
            await putDocument(db, from, keyOf(1), Buffer.from('"rewritten"'));
            expected.set(keyOf(1).archiveId, createHash('sha256').update('"rewritten"').digest('hex'));
          }
          return from.driver.get(ref, signal);
        },
      });
      const result = await migrate(environmentOf(db), requestOf({ ...from, driver: racing }, to), ONLINE);
      assert.equal(result.counts.copied, 3);
      await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.deepEqual(await problemsThrough(db, to, expected), []);
    });

    test('rows without a digest are copied once more when services are stopped, and get one', async () => {
      const { db } = opened;
      await seed(db, from, 3);
      await setRow(1, 'digest = NULL, size = NULL');
      await migrate(environmentOf(db), requestOf(from, to), ONLINE);
      const newer = payloadOf(Buffer.from('"in place"'));
      await from.driver.put(keyOf(1), newer, { mode: 'replace' });
      const result = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.equal(result.outcome, 'complete');
      const { rows } = await db.query<{ digest: string; size: number }>(
        'SELECT digest, size FROM archive_metadata WHERE "archiveId" = $1',
        [keyOf(1).archiveId],
      );
      assert.deepEqual(rows[0], { digest: newer.md5, size: newer.sizeBytes });
    });
  });

  describe('R18 fencing', () => {
    test('a process that was taken over changes nothing any more', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 30);
      const faults = atPoint('copy.after-intent', () =>
        db.query('UPDATE archive_mover_migration SET epoch = epoch + 1'),
      );
      // One batch at a time: another one could rightly be recorded before the takeover.
      const settings = { ...environmentOf(db).settings, batchesInFlight: 1 };
      const overtaken = migrate(environmentOf(db, { faults, settings }), requestOf(from, to), OFFLINE);
      await assert.rejects(overtaken, refusal('database.lock-lost'));
      assert.deepEqual(await problemsThrough(db, from, expected), []);
      const { rows } = await db.query<{ state: string }>(
        `SELECT DISTINCT state FROM archive_mover_document WHERE state = 'copied'`,
      );
      assert.deepEqual(rows, []);
      assert.equal((await migrate(environmentOf(db), requestOf(from, to), OFFLINE)).outcome, 'complete');
    });

    test('a pooler that lends sessions out for a transaction is refused before anything is written', async () => {
      const { db } = opened;
      await seed(db, from, 3);
      await using pooled = await poolTransactions(db);
      const run = migrate(environmentOf(pooled), requestOf(from, to), OFFLINE);
      await assert.rejects(run, refusal('refused.pooler'));
      assert.deepEqual(await listUrls(to.driver), []);
    });

    test('a second run is refused at once, and names the first', async () => {
      const { db } = opened;
      await seed(db, from, 3);
      let second: unknown;
      const faults = atPoint('copy.after-intent', async () => {
        second = await migrate(environmentOf(db), requestOf(from, to), OFFLINE).catch((error: unknown) => error);
      });
      await migrate(environmentOf(db, { faults }), requestOf(from, to), OFFLINE);
      assert.ok(isAppError(second, 'refused.lock-held'), String(second));
    });
  });
});
