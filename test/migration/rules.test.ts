import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { deleteDocument, putDocument } from '../../src/archive/archive.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import type { ErrorCode } from '../../src/core/error-catalogue.ts';
import { isAppError } from '../../src/core/errors.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import type { DeleteItem, Driver } from '../../src/drivers/contract.ts';
import { MemorySpaces, openMemoryDriver } from '../../src/drivers/memory/driver.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { migrate } from '../../src/migration/migrate.ts';
import { rollback } from '../../src/migration/rollback.ts';
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
  PLAIN,
  problemsThrough,
  requestOf,
  seed,
  sideOf,
  storeOf,
  until,
  withOperations,
} from './harness.ts';

const OFFLINE = { online: false };
const ONLINE = { online: true };

const refusal = (code: ErrorCode) => (error: unknown) => {
  assert.ok(isAppError(error, code), `expected ${code}; got ${String(error)}`);
  return true;
};

/** The rules of the protocol, each by a case that goes wrong without it. The table in ARCHITECTURE.md names them. */
describe('rules of the migration protocol', () => {
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
              const { createHash } = await import('node:crypto');
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
        assert.ok((await listUrls(from.driver)).length >= 2, 'no more than the canary was deleted');
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
      const overtaken = migrate(environmentOf(db, { faults }), requestOf(from, to), OFFLINE);
      await assert.rejects(overtaken, refusal('database.lock-lost'));
      assert.deepEqual(await problemsThrough(db, from, expected), []);
      const { rows } = await db.query<{ state: string }>(
        `SELECT DISTINCT state FROM archive_mover_document WHERE state = 'copied'`,
      );
      assert.deepEqual(rows, []);
      assert.equal((await migrate(environmentOf(db), requestOf(from, to), OFFLINE)).outcome, 'complete');
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
