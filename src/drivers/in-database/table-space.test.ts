import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DATABASE_KINDS, openTestDatabase } from '../../../test/support/each-database.ts';
import { isAppError } from '../../core/errors.ts';
import { parseConnectUrl } from '../../database/connect-url.ts';
import type { Database } from '../../database/database.ts';
import { openDatabase } from '../../database/open-database.ts';
import { ensureAnchoreTables } from '../../database/schema/anchore-tables.ts';
import { makeBytes, makeKey, payloadOf, readBytes, refOf } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import { openDbDriver } from '../db/driver.ts';
import { openDb2Driver } from '../db2/driver.ts';
import { makeReliable } from '../wrappers/standard.ts';

const DRIVERS = { db: openDbDriver, db2: openDb2Driver } as const;

/** What a table of Anchore's takes that has no rows and never had. */
const EMPTY_BYTES = 64 * 1024;

const fill = async (driver: Driver): Promise<void> => {
  for (let index = 0; index < 20; index += 1)
    await driver.put(makeKey(`filling-${index}`), payloadOf(makeBytes(100_000, String(index))), { mode: 'create' });
};

const empty = async (driver: Driver): Promise<void> => {
  const refs = Array.from({ length: 20 }, (_, index) => makeKey(`filling-${index}`));
  await driver.delete(refs.map((key) => ({ ref: refOf(key, driver.locate(key)), md5: undefined })));
};

const spaceOf = (driver: Driver): NonNullable<Driver['space']> => {
  assert.ok(driver.space);
  return driver.space;
};

for (const kind of DATABASE_KINDS) {
  for (const [name, open] of Object.entries(DRIVERS)) {
    test(`${name} on ${kind}: the room of deleted rows is told, and given back`, async () => {
      await using opened = await openTestDatabase(kind);
      await ensureAnchoreTables(opened.db);
      const driver = makeReliable(open(opened.db));
      const space = spaceOf(driver);
      const bytes = makeBytes(1000, 'stays');
      await fill(driver);
      await empty(driver);
      const held = await space.measure();
      assert.ok(held.sizeBytes > 2_000_000, String(held.sizeBytes));
      assert.match(held.place, name === 'db' ? /^the table \w+\.archive_document$/ : /^the table \w+\.object_storage$/);

      assert.ok((await space.reclaim()).sizeBytes <= EMPTY_BYTES, 'without rows');

      const key = makeKey();
      const { url } = await driver.put(key, payloadOf(bytes), { mode: 'create' });
      await fill(driver);
      await empty(driver);
      // Rows that a transaction of somebody else might still see stay; on a shared server one may just have begun.
      let left = await space.reclaim();
      for (let attempt = 0; attempt < 20 && left.sizeBytes > 2 * EMPTY_BYTES; attempt += 1)
        left = await space.reclaim();
      assert.ok(left.sizeBytes <= 2 * EMPTY_BYTES, `with a row: ${left.sizeBytes}`);
      assert.deepEqual(Buffer.from(await readBytes(await driver.get(refOf(key, url)))), Buffer.from(bytes));
      // What was told to one session is not left to others.
      assert.ok((await opened.db.query('SELECT 1')).count === 1);
    });
  }
}

describe('on PostgreSQL', () => {
  const withRole = async (grants: string, work: (db: Database, owner: Database) => Promise<void>): Promise<void> => {
    await using opened = await openTestDatabase('postgres');
    await ensureAnchoreTables(opened.db);
    const role = `reclaimer_${Math.random().toString(36).slice(2)}`;
    await opened.db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reclaim'`);
    const url = new URL(opened.url);
    url.username = role;
    url.password = 'reclaim';
    try {
      await opened.db.query(
        `GRANT USAGE ON SCHEMA public TO ${role}; GRANT SELECT, INSERT, UPDATE, DELETE ON object_storage TO ${role}`,
      );
      if (grants !== '') await opened.db.query(`GRANT ${grants} ON object_storage TO ${role}`);
      await using db = await openDatabase(parseConnectUrl(url.href, { place: 'test', environment: {} }));
      await work(db, opened.db);
    } finally {
      await opened.db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  };

  test('who may not empty the table is told the grant; it is enough', async () => {
    await withRole('', async (db) => {
      await assert.rejects(spaceOf(openDb2Driver(db)).reclaim(), (error) => {
        assert.ok(isAppError(error, 'database.denied'));
        assert.match(error.message, /the role reclaimer_\w+ may not empty "public"\.object_storage/);
        assert.match(error.remedy, /GRANT TRUNCATE ON TABLE "public"\.object_storage TO "reclaimer_\w+"/);
        return true;
      });
    });
    await withRole('TRUNCATE', async (db) => {
      assert.ok((await spaceOf(openDb2Driver(db)).reclaim()).sizeBytes <= EMPTY_BYTES);
    });
  });

  test('who may not rewrite the table is told the grant, and nothing passes in silence', async () => {
    await withRole('TRUNCATE', async (db, owner) => {
      const driver = openDb2Driver(db);
      await fill(driver);
      await assert.rejects(spaceOf(driver).reclaim(), (error) => {
        assert.ok(isAppError(error, 'database.denied'));
        assert.match(error.remedy, /GRANT MAINTAIN ON TABLE "public"\.object_storage TO "reclaimer_\w+"/);
        return true;
      });
      const { rows } = await owner.query('SELECT count(*) AS count FROM object_storage');
      assert.deepEqual(rows, [{ count: 20 }]);
    });
  });

  test('whoever adds a row meanwhile keeps it', async () => {
    await using opened = await openTestDatabase('postgres');
    await ensureAnchoreTables(opened.db);
    const driver = openDb2Driver(opened.db);
    let reclaiming: Promise<unknown> = Promise.resolve();
    const key = makeKey();
    await opened.db.transaction(async (tx) => {
      const columns = `"userId", bucket, key, version, content`;
      await tx.query(`INSERT INTO object_storage (${columns}) VALUES ('admin', $1, $2, '', 'late')`, [
        key.bucket,
        key.archiveId,
      ]);
      reclaiming = spaceOf(driver).reclaim();
      reclaiming.catch(() => undefined);
      // It waits for the lock now, or will find the row anyway.
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
    await reclaiming;
    assert.equal((await driver.head(refOf(key, driver.locate(key))))?.sizeBytes, 4);
  });

  test('it does not wait for ever for others', async () => {
    await using opened = await openTestDatabase('postgres');
    await ensureAnchoreTables(opened.db);
    const driver = openDb2Driver(opened.db);
    await opened.db.transaction(async (tx) => {
      await tx.query('LOCK TABLE object_storage IN ACCESS SHARE MODE');
      const reclaiming = spaceOf(driver).reclaim();
      await assert.rejects(reclaiming, (error) => {
        assert.ok(isAppError(error, 'database.timeout'), String(error));
        assert.match(error.message, /others are at work on "public"\.object_storage/);
        return true;
      });
    });
  });
});
