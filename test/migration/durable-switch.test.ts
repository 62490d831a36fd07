import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import type { Database, Queryable, Session } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { getStatus } from '../../src/migration/status.ts';
import { openTestDatabase } from '../support/each-database.ts';
import { startStandby } from '../support/postgres-standby.ts';
import { startPrivatePostgres } from '../support/postgres.ts';
import { atPoint, environmentOf, listUrls, problemsThrough, requestOf, seed } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

const openPlace = async (db: Database): Promise<MemoryPlace> => {
  await ensureTables(db);
  return MemoryPlace.open(db);
};

/** The session, whose transactions are looked at just before they commit. */
const watchCommits = (session: Session, look: (tx: Queryable) => Promise<void>): Session => ({
  lost: session.lost,
  query: (text, values) => session.query(text, values),
  transaction: (work) =>
    session.transaction(async (tx) => {
      const result = await work(tx);
      await look(tx);
      return result;
    }),
  [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
});

describe('R4 durable switch', () => {
  test('a server with fsync = off is refused before anything is written', async () => {
    await using postgres = await startPrivatePostgres({ settings: { fsync: 'off' } });
    const { url } = await postgres.createDatabase();
    await using db = await openDatabase(parseConnectUrl(url, { place: 'test', environment: {} }));
    const place = await openPlace(db);
    const expected = await seed(db, place.from, 3);
    await assert.rejects(place.migrate(place.from, place.to), { code: 'refused.unsafe-database' });
    assert.deepEqual(await listUrls(place.to.driver), []);
    assert.deepEqual(await problemsThrough(db, place.from, expected), []);
  });

  test('the switch waits for the disk, even where the server by default does not', async () => {
    await using opened = await openTestDatabase('postgres');
    const place = await openPlace(opened.db);
    await seed(place.db, place.from, 3);
    await place.db.query(`ALTER DATABASE ${new URL(opened.url).pathname.slice(1)} SET synchronous_commit = off`);
    await using reopened = await openDatabase(opened.target);
    const seen: unknown[] = [];
    const look = async (tx: Queryable): Promise<void> => {
      seen.push(...(await tx.query('SHOW synchronous_commit')).rows);
    };
    const db: Database = {
      kind: reopened.kind,
      description: reopened.description,
      schema: reopened.schema,
      query: (text, values) => reopened.query(text, values),
      transaction: (work) => reopened.transaction(work),
      openSession: async () => watchCommits(await reopened.openSession(), look),
      sync: () => reopened.sync(),
      [Symbol.asyncDispose]: () => reopened[Symbol.asyncDispose](),
    };
    const result = await migrate(environmentOf(db), requestOf(place.from, place.to), { online: false });
    assert.equal(result.outcome, 'complete');
    assert.deepEqual(seen.at(-1), { synchronous_commit: 'on' });
  });

  test('nothing is deleted before each standby has the switch', async () => {
    await using postgres = await startPrivatePostgres();
    const { url } = await postgres.createDatabase();
    await using db = await openDatabase(parseConnectUrl(url, { place: 'test', environment: {} }));
    const place = await openPlace(db);
    const { from, to } = place;
    const expected = await seed(db, from, 5);
    await using standby = await startStandby(postgres);
    const settings = { ...environmentOf(db).settings, standbyTimeoutMs: 200 };
    const faults = atPoint('switch.before-update', () => standby.pause());
    await assert.rejects(place.migrate(from, to, {}, { settings, faults }), {
      code: 'refused.replication-behind',
      message: new RegExp(standby.name),
    });
    assert.equal((await listUrls(from.driver)).length, 5);
    const id = await place.getOnlyMigration();
    const status = await getStatus(db, id);
    assert.deepEqual([status.record.phase, status.active], ['switched', 'to']);
    assert.deepEqual(await problemsThrough(db, to, expected), []);
    standby.resume();
    assert.equal((await place.clean(id, from, to)).outcome, 'complete');
    assert.deepEqual(await listUrls(from.driver), []);
  });
});
