import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../../test/support/each-database.ts';
import {
  describeLockHolder,
  findLockHolder,
  holdsAdvisoryLock,
  releaseAdvisoryLock,
  tryAdvisoryLock,
} from './advisory-lock.ts';
import type { Database } from './database.ts';
import { isPooled, keepsSession, markSession } from './pooler-detection.ts';

const KEY = { classId: 2, objectId: 1 };

for (const kind of DATABASE_KINDS) {
  describe(`advisory locks: ${kind}`, () => {
    let opened: OpenTestDatabase;
    let db: Database;
    before(async () => {
      opened = await openTestDatabase(kind, { applicationName: 'the mover' });
      db = opened.db;
    });
    after(() => opened[Symbol.asyncDispose]());

    test('are held as long as their session', async () => {
      assert.equal(await findLockHolder(db, KEY), undefined);
      {
        await using session = await db.openSession();
        assert.equal(await tryAdvisoryLock(session, KEY), true);
        assert.equal(await holdsAdvisoryLock(session, KEY), true);
        assert.equal(await holdsAdvisoryLock(session, { classId: 2, objectId: 2 }), false);
        assert.notEqual(await findLockHolder(db, KEY), undefined);
        assert.equal(await releaseAdvisoryLock(session, KEY), true);
        assert.equal(await releaseAdvisoryLock(session, KEY), false);
        assert.equal(await tryAdvisoryLock(session, KEY), true);
      }
      while ((await findLockHolder(db, KEY)) !== undefined);
    });

    test('no pooler is found where there is none', async () => {
      assert.equal(await isPooled(db), false);
      await using session = await db.openSession();
      const mark = await markSession(session);
      assert.equal(await keepsSession(session, mark), true);
      assert.equal(await keepsSession(session, 'another'), false);
    });
  });
}

test('PostgreSQL: a second session does not get the lock, and learns who has it', async () => {
  await using opened = await openTestDatabase('postgres', { applicationName: 'the mover' });
  await using first = await opened.db.openSession();
  await using second = await opened.db.openSession();
  assert.equal(await tryAdvisoryLock(first, KEY), true);
  assert.equal(await tryAdvisoryLock(second, KEY), false);
  const holder = await findLockHolder(second, KEY);
  const { rows } = await first.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  assert.equal(holder?.pid, rows[0]?.pid);
  assert.equal(holder?.applicationName, 'the mover');
  assert.match(
    holder === undefined ? '' : describeLockHolder(holder),
    /^process \d+ of the database server \(the mover, user \w+, from 127\.0\.0\.1, connected since .*Z, idle\)$/,
  );
  // The same keys in another database of the server are another lock.
  await using elsewhere = await openTestDatabase('postgres');
  assert.equal(await findLockHolder(elsewhere.db, KEY), undefined);
});
