import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../../../test/support/each-database.ts';
import { ensureAnchoreTables } from '../../database/schema/anchore-tables.ts';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf, streamOf, textBytes } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import { openDb2Driver } from './driver.ts';

const MIB = 1024 * 1024;

for (const kind of DATABASE_KINDS) {
  describe(`db2 on ${kind}`, () => {
    let opened: OpenTestDatabase;
    let driver: Driver;
    before(async () => {
      opened = await openTestDatabase(kind);
      await ensureAnchoreTables(opened.db);
      driver = openDb2Driver(opened.db);
    });
    after(() => opened[Symbol.asyncDispose]());

    test('bytes are kept as they are, in the version that Anchore Engine reads', async () => {
      const key = makeKey();
      await driver.put(key, payloadOf(textBytes('bytes')), { mode: 'create' });
      const { rows } = await opened.db.query('SELECT * FROM object_storage WHERE key = $1', [key.archiveId]);
      assert.deepEqual(
        rows.map((row) => ({ ...row, created_at: 0, last_updated: 0 })),
        [
          {
            userId: 'admin',
            bucket: key.bucket,
            key: key.archiveId,
            version: '',
            object_metadata: null,
            content: Buffer.from('bytes'),
            created_at: 0,
            last_updated: 0,
          },
        ],
      );
    });

    test('other versions of a key are none of ours', async () => {
      const key = makeKey();
      const ref = refOf(key, driver.locate(key));
      await opened.db.query(
        `INSERT INTO object_storage ("userId", bucket, key, version, content) VALUES ('admin', $1, $2, 'v1', 'x')`,
        [key.bucket, key.archiveId],
      );
      assert.equal(await driver.head(ref), undefined);
      assert.deepEqual(await driver.delete([{ ref, md5: undefined }]), [{ outcome: 'absent' }]);
      assert.equal(
        (await Array.fromAsync(driver.list())).some(({ url }) => url === ref.url),
        false,
      );
    });

    test('several rows can share one object: the name of the document is not part of its key', async () => {
      const key = makeKey();
      const { url } = await driver.put(key, payloadOf(textBytes('shared')), { mode: 'create' });
      const other = refOf({ ...key, documentName: 'other.json' }, url);
      assert.equal(driver.objectId(other), driver.objectId(refOf(key, url)));
      assert.equal(md5Of(await readBytes(await driver.get(other))), md5Of(textBytes('shared')));
    });

    test('the URL decides where it differs from the key, and the key where the URL is ambiguous', async () => {
      const key = makeKey();
      const { url } = await driver.put(key, payloadOf(textBytes('by its URL')), { mode: 'create' });
      assert.equal((await driver.head(refOf(makeKey(), url)))?.sizeBytes, 10);
      const [one, two] = [
        { ...makeKey('d'), userId: 'a/b', bucket: 'c' },
        { ...makeKey('c/d'), userId: 'a', bucket: 'b' },
      ];
      assert.equal(driver.locate(one), driver.locate(two));
      await driver.put(one, payloadOf(textBytes('one')), { mode: 'create' });
      await driver.put(two, payloadOf(textBytes('two')), { mode: 'create' });
      for (const [ref, text] of [
        [one, 'one'],
        [two, 'two'],
      ] as const) {
        assert.equal(md5Of(await readBytes(await driver.get(refOf(ref, driver.locate(ref))))), md5Of(textBytes(text)));
      }
      await assert.rejects(driver.get(refOf(key, 'db2://incomplete')), { code: 'store.invalid-url' });
    });

    test('a row without content is no object', async () => {
      const key = makeKey();
      const ref = refOf(key, driver.locate(key));
      await opened.db.query(
        `INSERT INTO object_storage ("userId", bucket, key, version) VALUES ('admin', $1, $2, '')`,
        [key.bucket, key.archiveId],
      );
      await assert.rejects(driver.get(ref), { code: 'store.not-found' });
      await driver.put(key, payloadOf(textBytes('filled')), { mode: 'create' });
      assert.equal((await driver.head(ref))?.sizeBytes, 6);
    });

    test('9 MiB come and go in parts', async () => {
      const bytes = makeBytes(9 * MIB, 'parts');
      const key = makeKey();
      const { url, md5 } = await driver.put(key, streamOf(bytes), { mode: 'create' });
      assert.equal(md5, md5Of(bytes));
      assert.equal(md5Of(await readBytes(await driver.get(refOf(key, url)))), md5Of(bytes));
    });

    test('it knows itself again, and not as the other table or the other database', async () => {
      const { fingerprint } = await driver.identify();
      assert.equal((await openDb2Driver(opened.db).identify()).fingerprint, fingerprint);
      await using other = await openTestDatabase('postgres');
      assert.notEqual((await openDb2Driver(other.db).identify()).fingerprint, fingerprint);
    });
  });
}
