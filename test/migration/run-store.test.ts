import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ensureOwnTables } from '../../src/database/schema/own-tables.ts';
import { changeControl, findControl } from '../../src/migration/control-store.ts';
import { ensureTables, removeTables } from '../../src/migration/journal.ts';
import { JOURNAL_MIGRATIONS } from '../../src/migration/journal-schema.ts';
import { insertMigration, type NewMigration, type StoreRecord, takeOver } from '../../src/migration/migration-store.ts';
import {
  addSample,
  findNewestRun,
  insertRun,
  listRuns,
  listSamples,
  MAX_SAMPLES,
  type RunProgress,
  saveRun,
} from '../../src/migration/run-store.ts';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { PLAIN } from './harness.ts';

const store: StoreRecord = {
  driver: 'db',
  fingerprint: 'f',
  namespace: 'n',
  description: 'd',
  config: '/config.yaml',
  codec: PLAIN,
};
const MIGRATION: NewMigration = {
  kind: 'migrate',
  rollsBack: undefined,
  from: store,
  to: store,
  scope: { scheme: 'db', buckets: null, foreignBuckets: [], ownBuckets: null },
  identicalUrls: false,
  destinationWasEmpty: true,
  keepSource: false,
  move: false,
  toolVersion: '0',
};
const PROGRESS: RunProgress = {
  phase: 'copying',
  hold: 'none',
  controlSeen: 0,
  planned: 100,
  plannedBytes: 5_000_000_000,
  doneBefore: 3,
  documents: 10,
  bytes: 4_000_000_000,
  toClean: 0,
  cleaned: 0,
  inFlight: 4,
  retries: 2,
  failures: 1,
  switched: 0,
  switchSeconds: undefined,
  pausedSeconds: 0.5,
};
const RUN = { command: 'migrate', executor: 'host:1:0:', toolVersion: '0' };
const END = { outcome: 'complete', exitCode: 0, errorText: undefined };

for (const kind of DATABASE_KINDS) {
  describe(`what a run tells of itself, on ${kind}`, () => {
    let opened: OpenTestDatabase;
    before(async () => {
      opened = await openTestDatabase(kind);
      await ensureTables(opened.db);
    });
    after(() => opened[Symbol.asyncDispose]());

    const begin = async (): Promise<number> =>
      opened.db.transaction((tx) => insertMigration(tx, MIGRATION, RUN.executor, false));
    const take = async (id: number) => ({
      id,
      epoch: await takeOver(opened.db, id, RUN.executor, {
        keepSource: false,
        move: false,
        fromConfig: '',
        toConfig: '',
      }),
    });

    test('one row a process: how far it is, and how it ended', async () => {
      const { db } = opened;
      const id = await begin();
      const first = await take(id);
      await insertRun(db, first, RUN);
      await saveRun(db, first, PROGRESS);
      const [running] = await listRuns(db, id);
      assert.ok(running);
      assert.deepEqual({ ...running, ...PROGRESS }, running);
      assert.equal(running.end, undefined);
      assert.ok(running.elapsedSeconds >= 0 && running.silentSeconds < 60);

      const second = await take(id);
      await insertRun(db, second, { ...RUN, command: 'resume' });
      await saveRun(db, second, { ...PROGRESS, phase: 'ended', switchSeconds: 0.25 }, END);
      await saveRun(db, second, PROGRESS); // too late: it has ended
      await saveRun(db, first, { ...PROGRESS, documents: 99 }); // it has been taken over
      const runs = await listRuns(db, id);
      assert.deepEqual(
        runs.map(({ command, phase, end, documents }) => [command, phase, end?.outcome, end?.exitCode, documents]),
        [
          ['migrate', 'copying', 'killed', undefined, 10],
          ['resume', 'ended', 'complete', 0, 10],
        ],
      );
      assert.equal(runs[1]?.switchSeconds, 0.25);
      assert.equal((await findNewestRun(db))?.epoch, second.epoch);
      assert.equal(await findNewestRun(db, id + 1), undefined);
    });

    test('a process that was taken over begins no row', async () => {
      const id = await begin();
      const old = await take(id);
      await take(id);
      await insertRun(opened.db, old, RUN);
      await addSample(opened.db, old, PROGRESS);
      assert.deepEqual(await listRuns(opened.db, id), []);
      assert.deepEqual(await listSamples(opened.db, id), []);
    });

    test('samples are thinned evenly before they are many', async () => {
      const { db } = opened;
      const fence = await take(await begin());
      await insertRun(db, fence, RUN);
      await db.query(
        `INSERT INTO archive_mover_sample (migration_id, epoch, at, phase, documents, bytes, cleaned, in_flight, retries, failures)
         SELECT $1, $2, now() - make_interval(secs => 10 * (1000 - n)), 'copying', n, n, 0, 0, 0, 0
           FROM generate_series(1, $3::int - 1) n`,
        [fence.id, fence.epoch, MAX_SAMPLES],
      );
      assert.equal(await addSample(db, fence, { ...PROGRESS, documents: 501 }), false);
      assert.equal(await addSample(db, fence, { ...PROGRESS, documents: 502 }), true);
      const samples = await listSamples(db, fence.id);
      assert.ok(samples.length > MAX_SAMPLES / 3 && samples.length < (MAX_SAMPLES * 2) / 3);
      assert.deepEqual(
        samples.slice(0, 3).map(({ documents }) => documents),
        [1, 3, 5],
      );
      assert.deepEqual(
        samples.map(({ at }) => at),
        samples.map(({ at }) => at).toSorted(),
      );
    });

    test('what is asked of a run changes one thing at a time, and says by whom', async () => {
      const { db } = opened;
      const id = await begin();
      assert.equal(await findControl(db, id), undefined);
      await changeControl(db, id, { bandwidthBytesPerSecond: 10_000_000_000, concurrency: 4 }, 'a@b');
      await changeControl(db, id, { paused: true }, 'c@d');
      await changeControl(db, id, { concurrency: null, requestsPerSecond: 2.5 }, 'e@f');
      const { setAt, ...control } = (await findControl(db, id)) ?? {};
      assert.deepEqual(control, {
        revision: 3,
        paused: true,
        bandwidthBytesPerSecond: 10_000_000_000,
        requestsPerSecond: 2.5,
        concurrency: undefined,
        setBy: 'e@f',
      });
      assert.match(String(setAt), /^\d{4}-.*Z$/);
    });

    test('a journal of the first version is brought up to date, and removed with the rest', async () => {
      const { db } = opened;
      await db.query('UPDATE archive_mover_migration SET finished_at = now()');
      await removeTables(db);
      await ensureOwnTables(db, JOURNAL_MIGRATIONS.slice(0, 1));
      const id = await begin();
      await ensureTables(db);
      const fence = await take(id);
      await insertRun(db, fence, RUN);
      assert.equal((await listRuns(db, id)).length, 1);
      await db.query('UPDATE archive_mover_migration SET finished_at = now()');
      await removeTables(db);
      const { rows } = await db.query(`SELECT relname FROM pg_class WHERE relname LIKE 'archive_mover%'`);
      assert.deepEqual(rows, []);
    });
  });
}
