import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { putDocument } from '../../src/archive/archive.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import type { ErrorCode } from '../../src/core/error-catalogue.ts';
import { AppError, isAppError } from '../../src/core/errors.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import type { DeleteItem, Driver } from '../../src/drivers/contract.ts';
import { MemorySpaces, openMemoryDriver } from '../../src/drivers/memory/driver.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { isLockHeld } from '../../src/migration/lock.ts';
import { getStatus } from '../../src/migration/status.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import {
  atPoint,
  COMPRESSED,
  environmentOf,
  keyOf,
  Killed,
  killedAt,
  listUrls,
  problemsThrough,
  requestOf,
  seed,
  storeOf,
  until,
  withOperations,
} from './harness.ts';

const OFFLINE = { online: false };

const refusal = (code: ErrorCode) => (error: unknown) => {
  assert.ok(isAppError(error, code), `expected ${code}; got ${String(error)}`);
  return true;
};

/** The rules of the protocol, each by a case that goes wrong without it. The table in ARCHITECTURE.md names them. */
describe('rules R1 to R9 of the migration protocol', () => {
  let opened: OpenTestDatabase;
  let spaces: MemorySpaces;
  let from: Store;
  let to: Store;

  const memory = (space: string, prefix: string): Driver => openMemoryDriver({ space, prefix }, spaces);
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

  describe('R1 one delete function', () => {
    test('cleaning stops where a row has come back to the source', async () => {
      const { db } = opened;
      await seed(db, from, 5);
      const url = from.driver.locate(keyOf(3));
      const faults = atPoint('clean.after-phase', () => setRow(3, `content_url = '${url}'`));
      await assert.rejects(
        migrate(environmentOf(db, { faults }), requestOf(from, to), OFFLINE),
        refusal('refused.not-clean'),
      );
      assert.ok((await listUrls(from.driver)).includes(url));
    });

    test('an object that no longer holds what was migrated is left and reported', async () => {
      const { db } = opened;
      await seed(db, from, 5);
      const faults = atPoint('clean.after-phase', () =>
        from.driver.put(keyOf(4), payloadOf(Buffer.from('somebody wrote this')), { mode: 'replace' }),
      );
      const result = await migrate(environmentOf(db, { faults }), requestOf(from, to), OFFLINE);
      assert.equal(result.outcome, 'delete-problems');
      assert.deepEqual(await listUrls(from.driver), [from.driver.locate(keyOf(4))]);
      assert.equal((await getStatus(db, result.id)).task.state, 'failed');
    });
  });

  describe('R2 aliases', () => {
    test('one store under two names is found before anything is written', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 3);
      spaces.alias('other-name', 'from');
      const alias = await storeOf(memory('other-name', 'a/'));
      await assert.rejects(migrate(environmentOf(db), requestOf(from, alias), OFFLINE), refusal('refused.same-store'));
      assert.equal((await listUrls(from.driver)).length, 3, 'the marker is gone again');
      assert.deepEqual(await problemsThrough(db, from, expected), []);
    });

    test('a canary finds an alias that the marker could not, and is put back', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 6);
      const linked = withOperations(from.driver, {
        delete: async (items: readonly DeleteItem[]) => {
          await to.driver.delete(
            items.map(({ ref }) => ({ ref: { ...ref, url: to.driver.locate(ref.key) }, md5: undefined })),
          );
          return from.driver.delete(items);
        },
      });
      const source = { ...from, driver: linked };
      await assert.rejects(migrate(environmentOf(db), requestOf(source, to), OFFLINE), refusal('refused.same-store'));
      assert.equal((await listUrls(from.driver)).length, 6, 'everything is at the source still');
      assert.equal((await problemsThrough(db, to, expected)).length, 1, 'no more than the canary was risked');
    });
  });

  describe('R3 vanished or ephemeral stores', () => {
    test('a destination that does not last is refused before anything is written, unless forced', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 3);
      const error = new AppError('refused.ephemeral-store', 'it lies in memory');
      const ephemeral = withOperations(to.driver, {
        inspect: () => Promise.resolve([{ severity: 'refuse', concerns: 'writing', forceable: true, error }]),
      });
      const store = { ...to, driver: ephemeral };
      await assert.rejects(migrate(environmentOf(db), requestOf(from, store), OFFLINE), refusal(error.code));
      assert.deepEqual(await listUrls(to.driver), []);
      const forced = await migrate(environmentOf(db), requestOf(from, store, { force: true }), OFFLINE);
      assert.equal(forced.outcome, 'complete');
      assert.deepEqual(await problemsThrough(db, to, expected), []);
    });

    test('a source that is gone while it is cleaned is an error: its documents do not count as deleted', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 5);
      let gone = false;
      const error = new AppError('store.unmounted', 'another folder is there now');
      const unmounted = withOperations(from.driver, {
        delete: async (items: readonly DeleteItem[]) =>
          gone ? items.map(() => ({ outcome: 'failed', error })) : from.driver.delete(items),
      });
      const faults = atPoint('clean.after-intent', async () => {
        gone = true;
      });
      const request = requestOf({ ...from, driver: unmounted }, to);
      const result = await migrate(environmentOf(db, { faults }), request, OFFLINE);
      assert.equal(result.outcome, 'delete-problems');
      assert.deepEqual([result.counts.cleaned, result.problems.length], [0, 5]);
      assert.deepEqual(await problemsThrough(db, to, expected), []);
      assert.equal((await migrate(environmentOf(db), requestOf(from, to), OFFLINE)).counts.cleaned, 5);
      assert.deepEqual(await listUrls(from.driver), []);
    });
  });

  describe('R5 a switch can outlive its process', () => {
    test('while it is under way nobody else gets the lock', async () => {
      const { db } = opened;
      await seed(db, from, 3);
      let second: unknown;
      const faults = atPoint('switch.before-commit', async () => {
        second = await migrate(environmentOf(db), requestOf(from, to), OFFLINE).catch((error: unknown) => error);
      });
      await migrate(environmentOf(db, { faults }), requestOf(from, to), OFFLINE);
      assert.ok(isAppError(second, 'refused.lock-held'), String(second));
    });

    for (const [what, cut, active] of [
      ['a COMMIT that was lost on its way', 'request', 'from'],
      ['a COMMIT whose acknowledgement was lost', 'response', 'to'],
    ] as const) {
      test(`${what} is told by what the next process reads`, async () => {
        const { db } = opened;
        const expected = await seed(db, from, 5);
        const url = new URL(opened.url);
        await using proxy = await startTcpProxy(Number(url.port));
        url.port = String(proxy.port);
        const target = parseConnectUrl(url.href, { place: 'test', environment: {} });
        await using distant = await openDatabase(target, { retryDelayMs: 50 });
        let committing = false;
        const faults = atPoint('switch.before-commit', async () => {
          proxy.alter = (direction, piece) => {
            committing ||= direction === 'request' && piece.includes('COMMIT');
            return committing && direction === cut ? 'cut' : piece;
          };
        });
        const run = migrate(environmentOf(distant, { faults }), requestOf(from, to), OFFLINE);
        await assert.rejects(run, refusal('database.lost'));
        assert.ok(committing);
        await until(async () => !(await isLockHeld(db)));
        const { rows } = await db.query<{ id: number }>('SELECT id FROM archive_mover_migration');
        const id = rows[0]?.id ?? 0;
        assert.equal((await getStatus(db, id)).active, active);
        assert.deepEqual(await problemsThrough(db, active === 'to' ? to : from, expected), []);
        const again = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
        assert.deepEqual([again.id, again.outcome, again.counts.cleaned], [id, 'complete', 5]);
        assert.deepEqual(await problemsThrough(db, to, expected), []);
      });
    }
  });

  describe('R6 nothing slips past the switch', () => {
    test('a document that comes after the copy is copied before the switch', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 30);
      const late = keyOf(900);
      const faults = atPoint('switch.before-update', async () => undefined);
      const env = environmentOf(db, {
        faults: {
          reach: async (point) => {
            await faults.reach(point);
            if (point === 'copy.after-record' && !expected.has(late.archiveId)) {
              const content = Buffer.from('{"document": "late"}');
              await putDocument(db, from, late, content);
              expected.set(late.archiveId, createHash('sha256').update(content).digest('hex'));
            }
          },
        },
      });
      const result = await migrate(env, requestOf(from, to), OFFLINE);
      assert.equal(result.outcome, 'complete');
      assert.deepEqual(await problemsThrough(db, to, expected), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });

    test('writers wait from the comparison to the commit', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 3);
      const writes = [
        'UPDATE archive_metadata SET last_updated = 1',
        'DELETE FROM archive_metadata',
        `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName") VALUES ('b', 'late', 'u', 'late.json')`,
      ];
      const refused: unknown[] = [];
      const faults = atPoint('switch.before-update', async () => {
        for (const write of writes) {
          const attempt = db.transaction(async (tx) => {
            await tx.query(`SET LOCAL lock_timeout = '50ms'`);
            await tx.query(write);
          });
          refused.push(await attempt.catch((error: unknown) => error));
        }
      });
      await migrate(environmentOf(db, { faults }), requestOf(from, to), OFFLINE);
      assert.deepEqual(
        refused.map((error) => isAppError(error, 'database.timeout')),
        writes.map(() => true),
      );
      assert.deepEqual(await problemsThrough(db, to, expected), []);
    });

    test('rows that keep changing end in a refusal, not in a loop', async () => {
      const { db } = opened;
      await seed(db, from, 3);
      let touched = 1;
      const env = environmentOf(db, {
        faults: {
          reach: async (point) => {
            if (point === 'copy.after-record') await setRow(0, `last_updated = ${touched++}`);
          },
        },
      });
      await assert.rejects(migrate(env, requestOf(from, to), OFFLINE), (error) =>
        refusal('refused.still-changing')(error),
      );
    });
  });

  describe('R7 nothing readable becomes unreadable', () => {
    test('rows under another prefix, which services can read, move too', async () => {
      const { db } = opened;
      const older = await storeOf(memory('from', 'older/'));
      const expected = await seed(db, older, 4, 'manifest_data');
      await db.query(`UPDATE archive_metadata SET "archiveId" = 'old-' || "archiveId"`);
      const renamed = new Map([...expected].map(([id, sha]) => [`old-${id}`, sha]));
      for (const [id, sha] of await seed(db, from, 4)) renamed.set(id, sha);
      const result = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.equal(result.counts.cleaned, 8);
      assert.deepEqual(await problemsThrough(db, to, renamed), []);
      assert.deepEqual(await listUrls(from.driver), []);
    });

    test('what a separate analysis archive claims stays', async () => {
      const { db } = opened;
      await seed(db, from, 3);
      await seed(db, from, 2, 'analysis_archive');
      const request = requestOf(from, to);
      const side = { ...request.from, archive: 'object-store-beside-analysis-archive' as const };
      const result = await migrate(environmentOf(db), { ...request, from: side }, OFFLINE);
      assert.equal(result.counts.cleaned, 3);
      assert.equal((await listUrls(from.driver)).length, 2);
    });

    test('rows elsewhere are listed and do not block', async () => {
      const { db } = opened;
      await seed(db, from, 4);
      await setRow(1, `content_url = 'swift://nowhere/x'`);
      await setRow(2, 'content_url = NULL');
      const result = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.equal(result.outcome, 'complete');
      assert.deepEqual(Object.fromEntries(result.skipped), { 'skipped.elsewhere': 1, 'skipped.no-url': 1 });
      assert.equal(result.counts.cleaned, 2);
    });

    test('an archive that is all elsewhere is not called complete, and the same command after its end is', async () => {
      const { db } = opened;
      await seed(db, from, 2);
      const moved = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      const again = await migrate(environmentOf(db), requestOf(from, to), OFFLINE);
      assert.deepEqual([moved.outcome, again.outcome, again.counts.skipped], ['complete', 'complete', 2]);
      await db.query(`UPDATE archive_metadata SET content_url = 'swift://nowhere/x'`);
      const third = await storeOf(memory('third', 'c/'));
      const missed = await migrate(environmentOf(db), requestOf(from, third), OFFLINE);
      assert.deepEqual([missed.outcome, Object.fromEntries(missed.skipped)], ['stranded', { 'skipped.elsewhere': 2 }]);
      assert.equal((await getStatus(db, missed.id)).record.switchedAt, undefined);
    });

    test('--bucket says what it strands, and a bucket that matches nothing is refused', async () => {
      const { db } = opened;
      await seed(db, from, 3);
      await seed(db, from, 2, 'policy_bundles');
      const result = await migrate(environmentOf(db), requestOf(from, to, { buckets: ['policy_bundles'] }), OFFLINE);
      assert.equal(result.outcome, 'stranded');
      assert.deepEqual(Object.fromEntries(result.skipped), { 'skipped.not-selected': 3 });
      const nothing = requestOf(from, to, { buckets: ['no_such_bucket'] });
      await assert.rejects(migrate(environmentOf(db), nothing, OFFLINE), refusal('refused.no-documents'));
    });
  });

  describe('R8 identical URLs', () => {
    test('the current store is recorded; the other one is refused as a source; partial options are refused', async () => {
      const { db } = opened;
      const one = await storeOf(memory('one', ''));
      const other = await storeOf(memory('other', ''));
      const expected = await seed(db, one, 5);
      const partial = requestOf(one, other, { skipFailed: true });
      await assert.rejects(migrate(environmentOf(db), partial, OFFLINE), refusal('refused.identical-urls'));
      const result = await migrate(environmentOf(db), requestOf(one, other), OFFLINE);
      assert.equal(result.outcome, 'complete');
      assert.deepEqual(await listUrls(one.driver), []);
      assert.deepEqual(await problemsThrough(db, other, expected), []);
      await assert.rejects(migrate(environmentOf(db), requestOf(one, to), OFFLINE), refusal('refused.not-current'));
    });
  });

  describe('R9 late writes', () => {
    test('a key that was written twice is proved again, after the late write has landed', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 3);
      const unconditional = withOperations(to.driver, {
        capabilities: { ...to.driver.capabilities, conditionalPut: false },
      });
      const store = { ...to, driver: unconditional };
      const request = requestOf(from, store);
      await assert.rejects(
        migrate(environmentOf(db, { faults: killedAt('copy.after-intent') }), request, OFFLINE),
        Killed,
      );
      const late = atPoint('copy.after-record', () =>
        to.driver.put(keyOf(1), payloadOf(Buffer.from('a late write of other bytes')), { mode: 'replace' }),
      );
      // What landed late is neither trusted nor overwritten blindly: it is not what the journal intended.
      const result = await migrate(environmentOf(db, { faults: late }), request, OFFLINE);
      assert.equal(result.outcome, 'failed-documents');
      assert.deepEqual(await problemsThrough(db, from, expected), []);
    });

    test('a copy that was acknowledged cannot land late: writing it anew makes nobody wait', async () => {
      const { db } = opened;
      const expected = await seed(db, from, 3);
      const network = withOperations(to.driver, {
        capabilities: { ...to.driver.capabilities, inDatabase: false, conditionalPut: true },
      });
      const request = requestOf(from, { ...to, driver: network });
      const ONLINE = { online: true };
      assert.equal((await migrate(environmentOf(db), request, ONLINE)).outcome, 'precopied');
      await putDocument(db, from, keyOf(1), Buffer.from('"newer"'));
      expected.set(keyOf(1).archiveId, createHash('sha256').update('"newer"').digest('hex'));
      assert.equal((await migrate(environmentOf(db), request, ONLINE)).outcome, 'precopied');
      const { rows } = await db.query<{ attempts: number; unsettled: boolean; prove_again: boolean }>(
        'SELECT attempts, unsettled, prove_again FROM archive_mover_document ORDER BY attempts',
      );
      assert.equal(rows.at(-1)?.attempts, 2);
      assert.ok(rows.every((row) => !row.unsettled && !row.prove_again));
      assert.equal((await migrate(environmentOf(db), request, OFFLINE)).outcome, 'complete');
      assert.deepEqual(await problemsThrough(db, to, expected), []);
    });
  });
});
