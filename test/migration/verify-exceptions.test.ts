import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { payloadOf } from '../../src/archive/payload.ts';
import type { Store } from '../../src/archive/store.ts';
import type { DocumentKey } from '../../src/drivers/contract.ts';
import { openLocalfsDriver } from '../../src/drivers/localfs/driver.ts';
import { ensureTables } from '../../src/migration/journal.ts';
import { type VerifyFinding, verifyArchive } from '../../src/migration/verify.ts';
import { openTestDatabase, type OpenTestDatabase } from '../support/each-database.ts';
import { keyOf, seed, storeOf } from './harness.ts';
import { MemoryPlace } from './memory-place.ts';

/** What a migration has listed is known, as long as it is just that which was listed; anything else is wrong. */
describe('verify: what is known, and what is wrong', () => {
  let opened: OpenTestDatabase;
  let place: MemoryPlace;
  let folder: string;

  before(async () => {
    opened = await openTestDatabase('postgres');
    await ensureTables(opened.db);
    folder = await mkdtemp(join(tmpdir(), 'test-verify-'));
  });
  after(async () => {
    await opened[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    place = await MemoryPlace.open(opened.db);
  });

  const openFolder = async (): Promise<Store> => {
    const archiveDataDir = await mkdtemp(join(folder, 'store-'));
    const asIs = { owner: undefined, fileMode: undefined, folderMode: undefined };
    return storeOf(await openLocalfsDriver({ archiveDataDir, ...asIs }));
  };

  const urlOf = async (key: DocumentKey): Promise<string> => {
    const { rows } = await place.db.query<{ url: string }>(
      'SELECT content_url AS url FROM archive_metadata WHERE bucket = $1 AND "archiveId" = $2',
      [key.bucket, key.archiveId],
    );
    return rows[0]?.url ?? '';
  };

  const destroy = async (store: Store, key: DocumentKey): Promise<void> => {
    await store.driver.delete([{ ref: { key, url: await urlOf(key) }, md5: undefined }]);
  };

  const damage = (store: Store, key: DocumentKey): Promise<unknown> =>
    store.driver.put(key, payloadOf(Buffer.from('something else')), { mode: 'replace' });

  /** The findings as `kind bucket/archiveId`, with what the summary counts. */
  const verify = async (store: Store) => {
    const findings: VerifyFinding[] = [];
    const result = await verifyArchive(place.db, {
      store,
      archive: 'object-store',
      sample: undefined,
      report: (finding) => findings.push(finding),
      signal: new AbortController().signal,
    });
    const tell = (known: boolean): readonly string[] =>
      findings
        .filter((finding) => finding.kind !== 'orphan' && finding.known === known)
        .map(({ kind, subject }) => `${kind} ${subject}`)
        .toSorted();
    assert.deepEqual([result.known, result.wrong], [tell(true).length, tell(false).length]);
    return { known: tell(true), wrong: tell(false) };
  };

  const named = (kind: string, key: DocumentKey): string => `${kind} ${key.userId}/${key.bucket}/${key.archiveId}`;

  test('what --bucket has left is known as elsewhere, through the configuration that is current', async () => {
    const { from, db2 } = place;
    await seed(place.db, from, 3, 'policy_bundles');
    await seed(place.db, from, 2);
    await place.migrate(from, db2, { buckets: ['policy_bundles'] });
    const left = [0, 1].map((index) => named('elsewhere', keyOf(index)));
    assert.deepEqual(await verify(db2), { known: left, wrong: [] });
  });

  test('what --bucket has left must be right where it stayed', async () => {
    const { from, db2 } = place;
    await seed(place.db, from, 3, 'policy_bundles');
    await seed(place.db, from, 3);
    await place.migrate(from, db2, { buckets: ['policy_bundles'] });
    await destroy(from, keyOf(0));
    await damage(from, keyOf(1));
    const moved = [0, 1, 2].map((index) => named('elsewhere', keyOf(index, 'policy_bundles')));
    const { known, wrong } = await verify(from);
    assert.deepEqual(known, []);
    assert.deepEqual(wrong, [...moved, named('missing', keyOf(0)), named('wrong', keyOf(1))].toSorted());
  });

  test('what --bucket has left, and both configurations read, must be right also through the current one', async () => {
    const [from, to] = [await openFolder(), await openFolder()];
    await seed(place.db, from, 2, 'policy_bundles');
    await seed(place.db, from, 3);
    await place.migrate(from, to, { buckets: ['policy_bundles'], force: true });
    assert.deepEqual(await verify(to), { known: [], wrong: [] });
    await destroy(from, keyOf(0));
    await damage(from, keyOf(1));
    const wrong = [named('missing', keyOf(0)), named('wrong', keyOf(1))];
    assert.deepEqual(await verify(to), { known: [], wrong });
  });

  test('what --bucket has left in a store that the same URLs do not reach is known as missing', async () => {
    const { from, to } = place;
    await seed(place.db, from, 2, 'policy_bundles');
    await seed(place.db, from, 1);
    await place.migrate(from, to, { buckets: ['policy_bundles'] });
    assert.deepEqual(await verify(to), { known: [named('missing', keyOf(0))], wrong: [] });
  });

  describe('documents that failed, and were left with --skip-failed', () => {
    let from: Store;
    let to: Store;

    /** Document 0 is missing, document 1 damaged; both are listed, and both stores read them. */
    beforeEach(async () => {
      [from, to] = [await openFolder(), await openFolder()];
      await seed(place.db, from, 5);
      await destroy(from, keyOf(0));
      await damage(from, keyOf(1));
      const { outcome } = await place.migrate(from, to, { skipFailed: true, force: true });
      assert.equal(outcome, 'failed-documents');
    });

    test('are known as what they failed for', async () => {
      const known = [named('missing', keyOf(0)), named('wrong', keyOf(1))];
      assert.deepEqual(await verify(to), { known, wrong: [] });
    });

    test('are wrong where they have become worse', async () => {
      await destroy(from, keyOf(1));
      assert.deepEqual(await verify(to), { known: [named('missing', keyOf(0))], wrong: [named('missing', keyOf(1))] });
    });

    test('are wrong once their rows are no longer what was listed', async () => {
      const url = to.driver.locate(keyOf(0));
      await place.db.query('UPDATE archive_metadata SET content_url = $1 WHERE "archiveId" = $2', [
        url,
        keyOf(0).archiveId,
      ]);
      assert.deepEqual(await verify(to), { known: [named('wrong', keyOf(1))], wrong: [named('missing', keyOf(0))] });
    });

    test('are known by their full key alone', async () => {
      await place.db.query(
        `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest, size, last_updated)
         SELECT bucket, "archiveId", "userId", 'another', content_url, is_compressed, digest, size, last_updated
           FROM archive_metadata WHERE "archiveId" = $1`,
        [keyOf(0).archiveId],
      );
      const { known, wrong } = await verify(to);
      assert.deepEqual(
        [known, wrong],
        [[named('missing', keyOf(0)), named('wrong', keyOf(1))], [named('missing', keyOf(0))]],
      );
    });

    test('are wrong through a store that the archive has left', async () => {
      const { known } = await verify(from);
      assert.deepEqual(known, []);
    });

    test('stay known after one more migration', async () => {
      await place.migrate(to, place.db2, { force: true, skipFailed: true });
      const known = [named('elsewhere', keyOf(0)), named('elsewhere', keyOf(1))];
      assert.deepEqual(await verify(place.db2), { known, wrong: [] });
    });

    test('what has arrived is never known: it has to be there', async () => {
      await destroy(to, keyOf(2));
      const { wrong } = await verify(to);
      assert.deepEqual(wrong, [named('missing', keyOf(2))]);
    });
  });
});
