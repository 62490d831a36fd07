import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { putDocument } from '../../src/archive/archive.ts';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import { injectFaults } from '../../src/drivers/wrappers/inject-faults.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { type VerifyFinding, verifyArchive, type VerifyResult } from '../../src/migration/verify.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { keyOf, seed } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

/** Each thing that can be wrong with a document, found by reading it through a configuration. */
describe('verify: what is found', () => {
  let opened: OpenTestDatabase;
  let place: MemoryPlace;

  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
  });
  after(() => opened[Symbol.asyncDispose]());
  beforeEach(async () => {
    place = await MemoryPlace.open(opened.db);
  });

  const verify = async (
    store: Store,
    sample?: number,
  ): Promise<{ readonly findings: readonly VerifyFinding[]; readonly result: VerifyResult }> => {
    const findings: VerifyFinding[] = [];
    const signal = new AbortController().signal;
    const report = (finding: VerifyFinding): void => void findings.push(finding);
    const result = await verifyArchive(place.db, { store, archive: 'object-store', sample, report, signal });
    return { findings, result };
  };

  const put = (store: Store, index: number, bytes: Uint8Array) =>
    store.driver.put(keyOf(index), payloadOf(bytes), { mode: 'replace' });

  /** The one finding, and that it is counted as wrong. */
  const findOne = async (store: Store): Promise<VerifyFinding> => {
    const { findings, result } = await verify(store);
    assert.deepEqual([findings.length, result.wrong, result.known], [1, 1, 0]);
    const [finding] = findings;
    assert.ok(finding);
    assert.equal(finding.subject, `admin/analysis_data/${keyOf(1).archiveId}`);
    return finding;
  };

  test('nothing, where all is as its rows say', async () => {
    await seed(place.db, place.to, 12);
    const { findings, result } = await verify(place.to);
    assert.deepEqual([findings, result.documents, result.read, result.wrong], [[], 12, 12, 0]);
    assert.ok(result.bytes > 0);
  });

  test('missing', async () => {
    await seed(place.db, place.from, 3);
    const ref = { key: keyOf(1), url: place.from.driver.locate(keyOf(1)) };
    await place.from.driver.delete([{ ref, md5: undefined }]);
    assert.deepEqual(await findOne(place.from).then(({ kind, text }) => [kind, text]), [
      'missing',
      `${ref.url} does not exist`,
    ]);
  });

  test('wrong: another size', async () => {
    await seed(place.db, place.from, 3);
    await put(place.from, 1, Buffer.from('short'));
    const { kind, text } = await findOne(place.from);
    assert.equal(kind, 'wrong');
    assert.match(text, /expected \d+ bytes; got 5$/);
  });

  test('wrong: another digest', async () => {
    await putDocument(place.db, place.from, keyOf(1), Buffer.from('one'));
    await put(place.from, 1, Buffer.from('two'));
    const { kind, text } = await findOne(place.from);
    assert.equal(kind, 'wrong');
    assert.match(text, /the digest does not match$/);
  });

  test('wrong: cannot be decompressed', async () => {
    await putDocument(place.db, place.from, keyOf(1), Buffer.from('plain'));
    await place.db.query('UPDATE archive_metadata SET is_compressed = true');
    const { kind } = await findOne(place.from);
    assert.equal(kind, 'wrong');
  });

  test('unreadable: the store refuses this document, and the others are read', async () => {
    await seed(place.db, place.from, 3);
    const denied = place.from.driver.locate(keyOf(1));
    const driver = injectFaults(place.from.driver, ({ subject }) =>
      subject === denied ? { kind: 'error', when: 'before', code: 'store.denied' } : undefined,
    );
    const store = { ...place.from, driver };
    assert.equal((await findOne(store)).kind, 'unreadable');
    assert.equal((await verify(store)).result.read, 2);
  });

  test('elsewhere: a row that this configuration cannot read', async () => {
    await seed(place.db, place.from, 3);
    await place.db.query(`UPDATE archive_metadata SET content_url = 's3://b/k' WHERE "archiveId" = $1`, [
      keyOf(1).archiveId,
    ]);
    assert.equal((await verify(place.from)).findings.filter(({ kind }) => kind === 'elsewhere').length, 1);
  });

  test('a store that does not answer is no finding: the verification fails', async () => {
    await seed(place.db, place.from, 3);
    const driver = injectFaults(place.from.driver, ({ operation }) =>
      operation === 'get' ? { kind: 'error', when: 'before', code: 'store.unreachable' } : undefined,
    );
    await assert.rejects(verify({ ...place.from, driver }), { code: 'store.unreachable' });
  });

  test('a sample is spread over the archive, and looks for no orphans', async () => {
    await seed(place.db, place.from, 10);
    await put(place.from, 20, Buffer.from('an orphan'));
    for (const [sample, read] of [
      [1, 1],
      [5, 5],
      [10, 10],
      [1000, 10],
    ] as const) {
      const { findings, result } = await verify(place.from, sample);
      assert.deepEqual([findings, result.documents, result.read, result.orphans], [[], 10, read, 0]);
    }
    assert.equal((await verify(place.from)).result.orphans, 1);
  });
});
