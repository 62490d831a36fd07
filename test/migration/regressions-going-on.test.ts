import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { putDocument } from '../../src/archive/archive.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import { MemorySpaces, openMemoryDriver } from '../../src/drivers/memory/driver.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { migrate } from '../../src/migration/migrate.ts';
import type { MigrateRequest, RunOptions } from '../../src/migration/requests.ts';
import { rollback } from '../../src/migration/rollback.ts';
import { getStatus } from '../../src/migration/status.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import {
  environmentOf,
  keyOf,
  killedAt,
  Killed,
  listUrls,
  problemsThrough,
  requestOf,
  seed,
  sideOf,
  storeOf,
} from './harness.ts';

/** States that an operator can get into, each with a way out that works. */
describe('no dead ends', () => {
  let opened: OpenTestDatabase;
  let spaces: MemorySpaces;
  let a: Store;
  let b: Store;
  let c: Store;

  const memory = (space: string, prefix: string): Driver => openMemoryDriver({ space, prefix }, spaces);
  const run = (from: Store, to: Store, request: Partial<MigrateRequest> = {}, options: Partial<RunOptions> = {}) =>
    migrate(environmentOf(opened.db), requestOf(from, to, request), { online: false, ...options });
  const undo = (id: number, from: Store, to: Store, deleteCopies = false) =>
    rollback(environmentOf(opened.db), {
      id,
      from: sideOf(from, 'config'),
      to: sideOf(to, 'dest-config'),
      deleteCopies,
      force: false,
    });
  const lose = (store: Store, index: number) =>
    store.driver.delete([{ ref: { key: keyOf(index), url: store.driver.locate(keyOf(index)) }, md5: undefined }]);

  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());
  beforeEach(async () => {
    spaces = new MemorySpaces();
    a = await storeOf(memory('a', 'a/'));
    b = await storeOf(memory('b', 'b/'));
    c = await storeOf(memory('c', 'c/'));
    for (const table of ['archive_metadata', 'archive_mover_migration', 'archive_mover_current_store']) {
      await opened.db.query(`DELETE FROM ${table}`);
    }
  });

  test('a finished --skip-failed, run again by habit, stays finished and holds nothing up', async () => {
    const expected = await seed(opened.db, a, 8);
    await lose(a, 3);
    const first = await run(a, b, { skipFailed: true });
    assert.deepEqual([first.outcome, first.counts.cleaned, first.counts.failed], ['failed-documents', 7, 1]);
    assert.equal((await run(a, b)).outcome, 'failed-documents');
    assert.equal((await getStatus(opened.db, first.id)).active, 'to');
    const onward = await run(b, c);
    assert.deepEqual([onward.outcome, Object.fromEntries(onward.skipped)], ['complete', { 'skipped.exception': 1 }]);
    expected.delete(keyOf(3).archiveId);
    const problems = await problemsThrough(opened.db, c, expected);
    assert.deepEqual(
      problems.map((problem) => problem.slice(0, 13)),
      [keyOf(3).archiveId],
    );
  });

  test('rollback leaves what the migration had listed as lost, and brings back the rest', async () => {
    await seed(opened.db, a, 8);
    await lose(a, 3);
    const first = await run(a, b, { skipFailed: true, keepSource: true });
    assert.equal((await undo(first.id, a, b)).outcome, 'complete');
    const { rows } = await opened.db.query<{ count: number }>(
      `SELECT count(*) AS count FROM archive_metadata WHERE starts_with(content_url, 'memory://a/')`,
    );
    assert.equal(rows[0]?.count, 8);
  });

  test('bucket by bucket goes on after a document is lost in the first', async () => {
    await seed(opened.db, a, 4, 'x');
    await seed(opened.db, a, 3, 'y');
    await a.driver.delete([{ ref: { key: keyOf(1, 'x'), url: a.driver.locate(keyOf(1, 'x')) }, md5: undefined }]);
    assert.equal((await run(a, b, { buckets: ['x'], skipFailed: true })).counts.failed, 1);
    const second = await run(a, b, { buckets: ['y'] });
    assert.deepEqual([second.outcome, second.counts.cleaned], ['stranded', 3]);
  });

  test('clean waits for a rollback that is under way, and refuses a source that is current again', async () => {
    const expected = await seed(opened.db, a, 10);
    const first = await run(a, b, { keepSource: true });
    const dying = rollback(environmentOf(opened.db, { faults: killedAt('plan.before-commit') }), {
      id: first.id,
      from: sideOf(a, 'config'),
      to: sideOf(b, 'dest-config'),
      deleteCopies: false,
      force: false,
    });
    await assert.rejects(dying, Killed);
    const clean = () => run(a, b, {}, { id: first.id, cleanOnly: true });
    await assert.rejects(clean(), { code: 'refused.unfinished', remedy: /rollback/ });
    assert.equal((await listUrls(a.driver)).length, 10);
    assert.equal((await undo(first.id, a, b)).outcome, 'complete');
    await assert.rejects(clean(), { code: 'refused.not-clean' });
    assert.deepEqual(await problemsThrough(opened.db, a, expected), []);
  });

  test('clean of a way that has been gone back is refused, and changes nothing', async () => {
    const expected = await seed(opened.db, a, 6);
    const there = await run(a, b, { keepSource: true });
    await run(b, a, { keepSource: true });
    await assert.rejects(run(a, b, {}, { id: there.id, cleanOnly: true }), { code: 'refused.not-clean' });
    assert.equal((await getStatus(opened.db, there.id)).record.phase, 'switched');
    assert.deepEqual(await problemsThrough(opened.db, a, expected), []);
  });

  test('retry copies the failed documents alone, and switches nothing', async () => {
    const expected = await seed(opened.db, a, 8);
    const lost = payloadOf(Buffer.from('"kept aside"'));
    await putDocument(opened.db, a, keyOf(3), Buffer.from('"kept aside"'));
    expected.set(keyOf(3).archiveId, createHash('sha256').update('"kept aside"').digest('hex'));
    await lose(a, 3);
    const first = await run(a, b);
    assert.equal(first.outcome, 'failed-documents');
    await a.driver.put(keyOf(3), lost, { mode: 'create' });
    const retried = await run(a, b, {}, { id: first.id, retryOnly: true });
    assert.deepEqual([retried.outcome, retried.counts.copied], ['precopied', 8]);
    assert.deepEqual(await problemsThrough(opened.db, a, expected), []);
    await assert.rejects(run(a, b, {}, { id: first.id, retryOnly: true }), { code: 'usage.invalid', remedy: /resume/ });
    assert.equal((await run(a, b)).outcome, 'complete');
    assert.deepEqual(await problemsThrough(opened.db, b, expected), []);
  });

  test('--move that was killed before its first switch can be ended, and says which configuration works', async () => {
    const expected = await seed(opened.db, a, 30);
    const env = environmentOf(opened.db, { faults: killedAt('copy.after-claim') });
    await assert.rejects(migrate(env, requestOf(a, b, { move: true }), { online: false }), Killed);
    const { rows } = await opened.db.query<{ id: number }>('SELECT id FROM archive_mover_migration');
    const id = rows[0]?.id ?? 0;
    assert.equal((await getStatus(opened.db, id)).active, 'from');
    assert.equal((await undo(id, a, b, true)).outcome, 'complete');
    assert.deepEqual(await listUrls(b.driver), []);
    assert.deepEqual(await problemsThrough(opened.db, a, expected), []);
  });

  test('a copy within one store never replaces a foreign object', async () => {
    const other = await storeOf(openMemoryDriver({ space: 'a', prefix: 'near/' }, spaces));
    const near = { ...other, identity: { ...other.identity, fingerprint: 'memory:a near/' } };
    await seed(opened.db, a, 4);
    assert.equal((await run(a, near, {}, { online: true })).outcome, 'precopied');
    const foreign = payloadOf(Buffer.from('somebody else wrote this'));
    await near.driver.put(keyOf(77), foreign, { mode: 'create' });
    await putDocument(opened.db, a, keyOf(77), Buffer.from('"new"'));
    const result = await run(a, near);
    assert.deepEqual(Object.fromEntries(result.failures), { 'document.conflict': 1 });
    const there = await near.driver.head({ key: keyOf(77), url: near.driver.locate(keyOf(77)) });
    assert.equal(there?.md5, foreign.md5);
  });

  test('every --bucket that is named has to match', async () => {
    await seed(opened.db, a, 2, 'x');
    const typo = run(a, b, { buckets: ['x', 'yy'] });
    await assert.rejects(typo, {
      code: 'refused.no-documents',
      message: /--bucket yy matches no document; the archive has x/,
    });
  });
});
