import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { putDocument } from '../../src/archive/archive.ts';
import type { Store } from '../../src/archive/store.ts';
import type { Database } from '../../src/database/database.ts';
import { openDbDriver } from '../../src/drivers/db/driver.ts';
import type { Driver, TableSql } from '../../src/drivers/contract.ts';
import { openDb2Driver } from '../../src/drivers/db2/driver.ts';
import { Limits } from '../../src/drivers/wrappers/limits.ts';
import { makeReliable } from '../../src/drivers/wrappers/standard.ts';
import { PauseGate } from '../../src/migration/gate.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { getStatus } from '../../src/migration/status.ts';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import {
  COMPRESSED,
  keyOf,
  Killed,
  killedAt,
  problemsThrough,
  seed,
  storeOf,
  until,
  withOperations,
} from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const KEEP = { keepSource: true };
/** One of each of these is enough to make a statement fail that takes it for text. */
const CONTENTS: readonly (readonly [name: string, content: Buffer])[] = [
  ['plain', Buffer.from('{"document": {"a": 1}}')],
  ['beyond ASCII', Buffer.from('{"document": "Straße \u{1f980} \u2028"}')],
  ['byte order mark', Buffer.from('\uFEFF{"document": 1}')],
  ['backslashes', Buffer.from('\\x00\\\\ \\u0000')],
  ['empty', Buffer.alloc(0)],
  ['NUL', Buffer.from('a\0b')],
  ['not UTF-8', Buffer.from([0xff, 0xfe, 0x80, 0x41])],
  ['a surrogate', Buffer.from([0xed, 0xa0, 0x80])],
  ['line of base64', Buffer.alloc(57, 0xe9)],
];

/** The driver, and how many objects have passed through this process instead of staying in the database. */
const counting = (driver: Driver): { readonly driver: Driver; readonly passed: () => number } => {
  let passed = 0;
  const { bulk } = driver;
  const wrapped = withOperations(driver, {
    get: (ref, signal) => {
      passed += 1;
      return driver.get(ref, signal);
    },
    ...(bulk && {
      bulk: {
        ...bulk,
        get: (refs, signal) => {
          passed += refs.length;
          return bulk.get(refs, signal);
        },
      },
    }),
  });
  const sql = driver.tableSql?.bind(driver);
  return { driver: Object.assign(wrapped, sql && { tableSql: sql }), passed: () => passed };
};

for (const kind of DATABASE_KINDS) {
  describe(`copies that stay within the database, on ${kind}`, () => {
    let opened: OpenTestDatabase;
    let place: MemoryPlace;
    let db: Database;
    let text: Store;
    let bytes: Store;

    before(async () => {
      opened = await openTestDatabase(kind);
      await ensureTables(opened.db);
    });
    after(() => opened[Symbol.asyncDispose]());
    beforeEach(async () => {
      place = await MemoryPlace.open(opened.db);
      ({ db } = place);
      text = await storeOf(openDbDriver(db));
      bytes = await storeOf(openDb2Driver(db));
    });

    const rows = async (): Promise<readonly unknown[]> =>
      (
        await db.query(
          `SELECT bucket, "archiveId", "userId", "documentName", jsondata, b64_encoded, record_state_key
             FROM archive_document ORDER BY "archiveId"`,
        )
      ).rows;

    test('there and back, each row is what it was, and only what is no text has passed through here', async () => {
      const expected = await seed(db, text, 60);
      const before = await rows();
      const there = counting(text.driver);
      assert.equal((await place.migrate({ ...text, driver: there.driver }, bytes)).outcome, 'complete');
      assert.equal(there.passed(), 2, 'the marker and the canary');
      assert.deepEqual(await problemsThrough(db, bytes, expected), []);
      assert.deepEqual(await rows(), []);
      const back = counting(bytes.driver);
      assert.equal((await place.migrate({ ...bytes, driver: back.driver }, text)).outcome, 'complete');
      assert.deepEqual(await rows(), before);
      assert.ok(back.passed() < 60, `${back.passed()} of 60 have passed`);
    });

    test('whatever the bytes are, they arrive in the form in which services write them', async () => {
      for (const [index, [, content]] of CONTENTS.entries()) await putDocument(db, text, keyOf(index), content);
      const before = await rows();
      await place.migrate(text, bytes);
      const { rows: held } = await db.query<{ content: Uint8Array }>('SELECT content FROM object_storage ORDER BY key');
      assert.deepEqual(
        held.map(({ content }) => Buffer.from(content).toString('hex')),
        CONTENTS.map(([, content]) => content.toString('hex')),
      );
      await place.migrate(bytes, text);
      assert.deepEqual(await rows(), before);
    });

    test('what a statement cannot prove goes the general way, which says what is wrong with it', async () => {
      const expected = await seed(db, text, 30);
      await db.query(`UPDATE archive_document SET jsondata = jsondata || ' ' WHERE "archiveId" = $1`, [
        keyOf(3).archiveId,
      ]);
      await db.query('DELETE FROM archive_document WHERE "archiveId" = $1', [keyOf(4).archiveId]);
      await db.query('UPDATE archive_metadata SET digest = NULL, size = NULL WHERE "archiveId" = $1', [
        keyOf(5).archiveId,
      ]);
      await db.query(`UPDATE archive_document SET jsondata = '!', b64_encoded = true WHERE "archiveId" = $1`, [
        keyOf(6).archiveId,
      ]);
      await bytes.driver.put(keyOf(7), { sizeBytes: 1, md5: '9dd4e461268c8034f5c8564e155c67a6', bytes: Buffer.from('x'), open: async function* () { yield Buffer.from('x'); } }, { mode: 'create' }); // prettier-ignore
      const result = await place.migrate(text, bytes, { skipFailed: true, ...KEEP });
      assert.equal(result.outcome, 'failed-documents');
      const { rows: failed } = await db.query<{ archive_id: string; error_code: string }>(
        `SELECT archive_id, error_code FROM archive_mover_document WHERE state = 'failed' ORDER BY seq`,
      );
      assert.deepEqual(
        failed.map(({ archive_id, error_code }) => [archive_id, error_code]),
        [
          [keyOf(3).archiveId, 'document.wrong-size'],
          [keyOf(4).archiveId, 'document.missing'],
          [keyOf(6).archiveId, failed[2]?.error_code],
          [keyOf(7).archiveId, 'document.conflict'],
        ],
      );
      const { rows: foreign } = await db.query<{ content: Uint8Array }>(
        'SELECT content FROM object_storage WHERE key = $1',
        [keyOf(7).archiveId],
      );
      assert.equal(Buffer.from(foreign[0]?.content ?? []).toString(), 'x', 'never overwritten');
      assert.equal(result.counts.switched, 26);
      for (const index of [3, 4, 6, 7]) expected.delete(keyOf(index).archiveId);
      const problems = await problemsThrough(db, bytes, expected);
      assert.deepEqual(problems.length, 4, problems.join('\n'));
    });

    test('what the destination would compress passes through here', async () => {
      const expected = await seed(db, text, 30);
      const seen = counting(text.driver);
      const result = await place.migrate({ ...text, driver: seen.driver }, { ...bytes, codec: COMPRESSED }, KEEP);
      assert.equal(result.outcome, 'complete');
      assert.ok(seen.passed() > 0 && seen.passed() < 30);
      assert.deepEqual(await problemsThrough(db, { ...bytes, codec: COMPRESSED }, expected), []);
    });

    test('what an operator limits passes through here, as long as it is limited', async () => {
      await seed(db, text, 30);
      const limits = new Limits();
      const reliable = counting(makeReliable(text.driver, { limits }));
      const limited = { ...text, driver: reliable.driver };
      assert.notEqual(await reliable.driver.tableSql?.(), undefined);
      for (const limit of [{ bandwidthBytesPerSecond: 1e9 }, { requestsPerSecond: 1e5 }, { concurrency: 4 }]) {
        limits.set(limit);
        assert.equal(await reliable.driver.tableSql?.(), undefined);
        for (const name of ['bandwidthBytesPerSecond', 'requestsPerSecond', 'concurrency'])
          limits.set({ [name]: undefined });
      }
      limits.set({ concurrency: 4 });
      assert.equal((await place.migrate(limited, bytes, KEEP)).outcome, 'complete');
      assert.ok(reliable.passed() >= 30);
    });

    test('a kill leaves each document copied and recorded, or neither', async () => {
      const expected = await seed(db, text, 30);
      await assert.rejects(place.migrate(text, bytes, {}, { faults: killedAt('copy.after-record') }), Killed);
      const { rows: counted } = await db.query<{ objects: number; copied: number }>(
        `SELECT (SELECT count(*) FROM object_storage) AS objects, count(*) AS copied
           FROM archive_mover_document WHERE state = 'copied' AND owned`,
      );
      assert.ok((counted[0]?.objects ?? 0) > 0);
      assert.equal(counted[0]?.objects, counted[0]?.copied);
      const result = await place.migrate(text, bytes);
      assert.deepEqual([result.outcome, result.counts.cleaned], ['complete', 30]);
      assert.deepEqual(await problemsThrough(db, bytes, expected), []);
    });

    test('killed right after its commit, a switch has switched all, before any record of theirs says so', async () => {
      const expected = await seed(db, text, 30);
      await assert.rejects(place.migrate(text, bytes, {}, { faults: killedAt('switch.after-commit') }), Killed);
      const { rows: states } = await db.query('SELECT DISTINCT state FROM archive_mover_document');
      assert.deepEqual(states, [{ state: 'copied' }]);
      const id = await place.getOnlyMigration();
      const { counts, active } = await getStatus(db, id);
      assert.deepEqual([counts.switched, counts.copied, active], [30, 0, 'to']);
      assert.deepEqual(await problemsThrough(db, bytes, expected), []);
      const result = await place.migrate(text, bytes);
      assert.deepEqual([result.id, result.outcome, result.counts.cleaned], [id, 'complete', 30]);
    });

    test('what was switched counts as migrated, also where its records could not be marked', async () => {
      await seed(db, text, 5);
      await db.query(
        `CREATE FUNCTION refuse_marks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`,
      );
      await db.query(
        `CREATE TRIGGER refuse_marks BEFORE UPDATE ON archive_mover_document
            FOR EACH ROW WHEN (NEW.state = 'switched') EXECUTE FUNCTION refuse_marks()`,
      );
      try {
        await assert.rejects(place.migrate(text, bytes), { code: 'database.failed' });
      } finally {
        await db.query('DROP TRIGGER refuse_marks ON archive_mover_document');
        await db.query('DROP FUNCTION refuse_marks');
      }
      const tasks = await db.query('SELECT archive_documents_migrated AS count FROM archive_migration_tasks');
      assert.deepEqual(tasks.rows, [{ count: 5 }]);
      assert.equal((await place.migrate(text, bytes)).outcome, 'complete');
    });

    test('a pause while what made a statement fail is looked for is one', async () => {
      const expected = await seed(db, bytes, 12); // one of them is no text
      const gate = new PauseGate();
      const sql = await text.driver.tableSql?.();
      assert.ok(sql);
      const closing: TableSql = {
        ...sql,
        insert: (select, returning) => {
          gate.close();
          return sql.insert(select, returning);
        },
      };
      const driver = withOperations(text.driver, { tableSql: () => Promise.resolve(closing) });
      const migrating = place.migrate(bytes, { ...text, driver }, {}, { gate });
      let ended = false;
      void migrating.then(
        () => (ended = true),
        () => (ended = true),
      );
      let pauses = 0;
      while (!ended) {
        await until(() => ended || gate.hold === 'paused');
        if (gate.hold !== 'paused') continue;
        pauses += 1;
        gate.open();
      }
      assert.equal((await migrating).outcome, 'complete');
      assert.ok(pauses > 1);
      assert.deepEqual(await problemsThrough(db, text, expected), []);
    });
  });
}
