import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Store } from '../../src/archive/store.ts';
import { isAppError } from '../../src/core/errors.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { MemorySpaces, openMemoryDriver } from '../../src/drivers/memory/driver.ts';
import { FAULT_POINTS, type FaultPoint, type FaultPoints, noFaults } from '../../src/migration/fault-points.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import type { MigrationResult } from '../../src/migration/finish.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { getStatus } from '../../src/migration/status.ts';
import { type PrivatePostgres, startPrivatePostgres, type TestDatabase } from '../support/postgres.ts';
import { COMPRESSED, environmentOf, listUrls, problemsThrough, requestOf, seed, storeOf } from './harness.ts';

const DOCUMENTS = 30;

/** Runs the work when the point is reached for the first time. */
const at = (point: FaultPoint, work: () => Promise<void>): FaultPoints & { readonly reached: boolean } => {
  const faults = {
    reached: false,
    reach: async (reached: FaultPoint) => {
      if (reached !== point || faults.reached) return;
      faults.reached = true;
      await work();
    },
  };
  return faults;
};

describe('a migration whose database connections are cut', () => {
  let postgres: PrivatePostgres;
  let database: TestDatabase;
  let db: Database;
  let from: Store;
  let to: Store;
  let expected: ReadonlyMap<string, string>;

  before(async () => {
    postgres = await startPrivatePostgres();
  });
  after(() => postgres[Symbol.asyncDispose]());
  beforeEach(async () => {
    database = await postgres.createDatabase();
    const target = parseConnectUrl(database.url, { place: 'test', environment: {} });
    db = await openDatabase(target, { retryDelayMs: 50 });
    await ensureTables(db);
    const spaces = new MemorySpaces();
    from = await storeOf(openMemoryDriver({ space: 'from', prefix: 'a/' }, spaces));
    to = await storeOf(openMemoryDriver({ space: 'to', prefix: 'b/' }, spaces), COMPRESSED);
    expected = await seed(db, from, DOCUMENTS);
  });
  afterEach(async () => {
    await db[Symbol.asyncDispose]();
    await database.drop();
  });

  const run = (faults: FaultPoints = noFaults): Promise<MigrationResult> =>
    migrate(environmentOf(db, { faults }), requestOf(from, to), { online: false });

  /** The run ends with an error of the database, or survives; every document is where the journal says. */
  const runThrough = async (faults: FaultPoints): Promise<void> => {
    try {
      const result = await run(faults);
      assert.equal(result.outcome, 'complete');
    } catch (error) {
      assert.ok(
        isAppError(error) && error.code.startsWith('database.'),
        String(error instanceof Error ? error.stack : error),
      );
    }
    await checkArchive();
  };

  const checkArchive = async (): Promise<void> => {
    const { rows } = await db.query<{ id: number | null }>('SELECT max(id) AS id FROM archive_mover_migration');
    const id = rows[0]?.id;
    const active = id === null || id === undefined ? 'from' : (await getStatus(db, id)).active;
    assert.deepEqual(await problemsThrough(db, active === 'to' ? to : from, expected), []);
  };

  /** The same request again ends the migration, if the first run has not; and only one has been made. */
  const resume = async (): Promise<void> => {
    const { rows } = await db.query<{ id: number; phase: string }>('SELECT id, phase FROM archive_mover_migration');
    assert.ok(rows.length <= 1);
    const result = rows[0]?.phase === 'cleaned' ? undefined : await run();
    if (result !== undefined) assert.equal(result.outcome, 'complete');
    if (result !== undefined && rows[0] !== undefined) assert.equal(result.id, rows[0].id, 'it is the same migration');
    const status = await getStatus(db, result?.id ?? rows[0]?.id ?? 0);
    assert.equal(status.task.state, 'complete');
    assert.equal(status.counts.cleaned, DOCUMENTS);
    assert.deepEqual(await problemsThrough(db, to, expected), []);
    assert.deepEqual(await listUrls(from.driver), []);
    assert.equal((await listUrls(to.driver)).length, DOCUMENTS);
  };

  const OURS = `datname = current_database() AND application_name = 'anchore-manager'`;
  const HOLDS_LOCK = `pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 2 AND objid = 1 AND granted)`;
  const WHICH = {
    'every session': OURS,
    'the session that holds the lock': `${OURS} AND ${HOLDS_LOCK}`,
    'every session but that': `${OURS} AND NOT ${HOLDS_LOCK}`,
  };

  for (const [which, condition] of Object.entries(WHICH)) {
    for (const point of FAULT_POINTS) {
      test(`${which}, at ${point}`, async () => {
        if (point === 'confirm.before-record') {
          // Only copies of an earlier run are confirmed.
          const stop = at('copy.after-record', () => Promise.reject(new Error('stopped')));
          await assert.rejects(run(stop));
        }
        const faults = at(point, async () => {
          await database.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE ${condition}`);
        });
        await runThrough(faults);
        assert.ok(faults.reached);
        await resume();
      });
    }
  }

  for (const [how, point] of [
    ['restarted', 'copy.after-write'],
    ['restarted', 'switch.before-commit'],
    ['killed', 'switch.after-commit'],
    ['killed', 'clean.after-delete'],
  ] as const) {
    test(`the server is ${how}, at ${point}`, async () => {
      const faults = at(point, async () => {
        await (how === 'killed' ? postgres.kill() : postgres.stop());
        await postgres.start();
      });
      await runThrough(faults);
      assert.ok(faults.reached);
      await resume();
    });
  }
});
