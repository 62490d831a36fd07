import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../../../test/support/each-database.ts';
import { FIXTURE_TSV } from '../../../test/support/postgres.ts';
import { ensureAnchoreTables } from '../../database/schema/anchore-tables.ts';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf, streamOf, textBytes } from '../conformance/samples.ts';
import type { DocumentKey, Driver } from '../contract.ts';
import { openDbDriver } from './driver.ts';

const MIB = 1024 * 1024;

for (const kind of DATABASE_KINDS) {
  describe(`db on ${kind}`, () => {
    let opened: OpenTestDatabase;
    let driver: Driver;
    const insert = async (key: DocumentKey, jsondata: string | null, encoded: boolean | null): Promise<void> => {
      await opened.db.query(
        `INSERT INTO archive_document (bucket, "archiveId", "userId", "documentName", jsondata, b64_encoded) VALUES ($1, $2, $3, $4, $5, $6)`,
        [key.bucket, key.archiveId, key.userId, key.documentName, jsondata, encoded],
      );
    };
    const findRow = async (key: DocumentKey): Promise<Record<string, unknown> | undefined> => {
      const { rows } = await opened.db.query(
        `SELECT * FROM archive_document WHERE "archiveId" = $1 AND "documentName" = $2`,
        [key.archiveId, key.documentName],
      );
      return rows[0];
    };
    const read = async (key: DocumentKey): Promise<Uint8Array> =>
      readBytes(await driver.get(refOf(key, driver.locate(key))));

    before(async () => {
      opened = await openTestDatabase(kind);
      await ensureAnchoreTables(opened.db);
      driver = openDbDriver(opened.db);
    });
    after(() => opened[Symbol.asyncDispose]());

    test('text is kept as it is, with the columns that Anchore Engine sets', async () => {
      const key = makeKey();
      await driver.put(key, payloadOf(textBytes('{"document": "ü"}')), { mode: 'create' });
      const row = await findRow(key);
      const now = Math.floor(Date.now() / 1000);
      assert.deepEqual(
        { ...row, created_at: 0, last_updated: 0 },
        {
          bucket: key.bucket,
          archiveId: key.archiveId,
          userId: 'admin',
          documentName: key.documentName,
          created_at: 0,
          last_updated: 0,
          record_state_key: 'active',
          record_state_val: null,
          jsondata: '{"document": "ü"}',
          b64_encoded: false,
        },
      );
      for (const column of ['created_at', 'last_updated']) assert.ok(Math.abs(Number(row?.[column]) - now) < 120);
    });

    /** What Python's `base64.encodebytes` makes of so many bytes 255. */
    for (const [count, expected] of [
      [1, '/w==\n'],
      [56, `${'/'.repeat(74)}8=\n`],
      [57, `${'/'.repeat(76)}\n`],
      [58, `${'/'.repeat(76)}\n/w==\n`],
      [114, `${'/'.repeat(76)}\n${'/'.repeat(76)}\n`],
    ] as const) {
      test(`${count} bytes that are not text become MIME base64, as Python writes it`, async () => {
        const key = makeKey();
        await driver.put(key, payloadOf(new Uint8Array(count).fill(255)), { mode: 'create' });
        const row = await findRow(key);
        assert.equal(row?.['jsondata'], expected);
        assert.equal(row?.['b64_encoded'], true);
      });
    }

    test('rows in other forms are read', async () => {
      const bytes = makeBytes(1000, 'forms');
      const forms: readonly (readonly [string, boolean | null, Uint8Array])[] = [
        ['from before 0.4.0', null, textBytes('from before 0.4.0')],
        [Buffer.from(bytes).toString('base64'), true, bytes],
        [`${Buffer.from(bytes).toString('base64')}\n`, true, bytes],
        ['', true, new Uint8Array(0)],
        ['', false, new Uint8Array(0)],
      ];
      for (const [jsondata, encoded, expected] of forms) {
        const key = makeKey();
        await insert(key, jsondata, encoded);
        assert.equal(md5Of(await read(key)), md5Of(expected));
        const info = await driver.head(refOf(key, driver.locate(key)));
        assert.deepEqual(info, { sizeBytes: expected.length, md5: md5Of(expected) });
        const listed = (await Array.fromAsync(driver.list())).find(({ url }) => url === driver.locate(key));
        assert.equal(listed?.sizeBytes, expected.length);
      }
    });

    test('a row without content is no object: absent to every operation, and may be filled', async () => {
      const key = makeKey();
      const ref = refOf(key, driver.locate(key));
      await insert(key, null, null);
      await assert.rejects(driver.get(ref), { code: 'store.not-found' });
      assert.equal(await driver.head(ref), undefined);
      assert.deepEqual(await driver.delete([{ ref, md5: undefined }]), [{ outcome: 'absent' }]);
      assert.equal(
        (await Array.fromAsync(driver.list())).some(({ url }) => url === ref.url),
        false,
      );
      await driver.put(key, payloadOf(textBytes('filled')), { mode: 'create' });
      assert.equal(md5Of(await read(key)), md5Of(textBytes('filled')));
    });

    test('a row is found by its full key, the name of its document included', async () => {
      const key = makeKey();
      const other = { ...key, documentName: 'other.json' };
      await driver.put(key, payloadOf(textBytes('one')), { mode: 'create' });
      await driver.put(other, payloadOf(textBytes('other')), { mode: 'create' });
      assert.equal(driver.locate(key), driver.locate(other));
      assert.notEqual(
        driver.objectId(refOf(key, driver.locate(key))),
        driver.objectId(refOf(other, driver.locate(other))),
      );
      assert.equal(md5Of(await read(key)), md5Of(textBytes('one')));
      assert.equal(md5Of(await read(other)), md5Of(textBytes('other')));
      await driver.delete([{ ref: refOf(other, driver.locate(other)), md5: undefined }]);
      assert.equal(md5Of(await read(key)), md5Of(textBytes('one')));
    });

    test('one row that says base64 and is not spoils nothing for the others', async () => {
      const [good, bad] = [makeKey(), makeKey()];
      await driver.put(good, payloadOf(textBytes('good')), { mode: 'create' });
      await insert(bad, '!!!', true);
      const refs = [bad, good].map((key) => refOf(key, driver.locate(key)));
      const heads = await driver.bulk?.head(refs);
      assert.deepEqual(
        heads?.map((head) => (head.ok ? head.value?.sizeBytes : head.error.code)),
        ['store.corrupt', 4],
      );
      const deleted = await driver.delete(refs.map((ref) => ({ ref, md5: md5Of(textBytes('good')) })));
      assert.deepEqual(
        deleted.map(({ outcome }) => outcome),
        ['failed', 'deleted'],
      );
      assert.ok((await Array.fromAsync(driver.list())).length > 0);
      await driver.delete(refs.map((ref) => ({ ref, md5: undefined })));
    });

    test('replacing keeps when the document was created', async () => {
      const key = makeKey();
      await insert(key, 'old', false);
      await opened.db.query(`UPDATE archive_document SET created_at = 5, last_updated = 5 WHERE "archiveId" = $1`, [
        key.archiveId,
      ]);
      await driver.put(key, payloadOf(Uint8Array.of(255)), { mode: 'replace' });
      const row = await findRow(key);
      assert.equal(row?.['created_at'], 5);
      assert.ok(Number(row?.['last_updated']) > 5);
      assert.equal(row?.['b64_encoded'], true);
    });

    for (const [what, bytes] of [
      ['text', Buffer.from('{"ü": "😀"} '.repeat(600_000))],
      ['bytes', makeBytes(9 * MIB, 'parts')],
    ] as const) {
      test(`${what} of ${Math.round(bytes.length / MIB)} MiB comes and goes in parts`, async () => {
        const key = makeKey();
        const receipt = await driver.put(key, streamOf(bytes), { mode: 'create' });
        assert.equal(receipt.md5, md5Of(bytes));
        const object = await driver.get(refOf(key, receipt.url));
        assert.equal(object.sizeBytes, bytes.length);
        assert.equal(md5Of(await readBytes(object)), md5Of(bytes));
        const bulk = await driver.bulk?.get([refOf(key, receipt.url)]);
        assert.ok(bulk?.[0]?.ok === true && md5Of(bulk[0].value) === md5Of(bytes));
        assert.deepEqual(await driver.delete([{ ref: refOf(key, receipt.url), md5: md5Of(bytes) }]), [
          { outcome: 'deleted' },
        ]);
      });
    }

    test('an object that changes between two parts is not mixed', async () => {
      const key = makeKey();
      const { url } = await driver.put(key, payloadOf(makeBytes(9 * MIB, 'first')), { mode: 'create' });
      const reading = async (): Promise<void> => {
        let parts = 0;
        for await (const part of (await driver.get(refOf(key, url))).chunks) {
          assert.ok(part.length > 0);
          parts += 1;
          if (parts === 1) await driver.put(key, payloadOf(makeBytes(9 * MIB, 'other')), { mode: 'replace' });
        }
      };
      await assert.rejects(reading, { code: 'store.corrupt', retryable: true });
      await driver.delete([{ ref: refOf(key, url), md5: undefined }]);
    });

    test('a payload that is too large is refused before anything is read', async () => {
      const tooLarge = { ...streamOf(new Uint8Array(0)), sizeBytes: driver.capabilities.maxPayloadBytes + 1 };
      await assert.rejects(driver.put(makeKey(), tooLarge, { mode: 'create' }), { code: 'store.too-large' });
    });

    test('a key that PostgreSQL cannot hold is refused', () => {
      for (const archiveId of ['a\0b', 'lone surrogate \ud800']) {
        assert.throws(() => driver.locate(makeKey(archiveId)), { code: 'store.invalid-url' });
      }
    });

    test('listings go on over their pages', async () => {
      await opened.db.query(
        `INSERT INTO archive_document (bucket, "archiveId", "userId", "documentName", jsondata)
         SELECT 'pages', 'p' || i, 'admin', 'p' || i || '.json', repeat('x', i) FROM generate_series(1, 2500) i`,
      );
      const listed = (await Array.fromAsync(driver.list())).filter(({ url }) => url.startsWith('db://admin/pages/'));
      assert.equal(new Set(listed.map(({ url }) => url)).size, 2500);
      assert.equal(
        listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        (2500 * 2501) / 2,
      );
      const items = listed.map(({ url }) => {
        const archiveId = url.slice('db://admin/pages/'.length);
        return {
          ref: refOf({ userId: 'admin', bucket: 'pages', archiveId, documentName: `${archiveId}.json` }, url),
          md5: undefined,
        };
      });
      assert.ok((await driver.delete(items)).every(({ outcome }) => outcome === 'deleted'));
    });

    test('a table of before 0.4.0 holds text, and refuses what is not', async () => {
      await opened.db.query('ALTER TABLE archive_document RENAME COLUMN b64_encoded TO hidden');
      try {
        const old = openDbDriver(opened.db);
        const [text, binary, second] = [makeKey(), makeKey(), makeKey()];
        await old.put(text, payloadOf(textBytes('text')), { mode: 'create' });
        assert.equal(md5Of(await readBytes(await old.get(refOf(text, old.locate(text))))), md5Of(textBytes('text')));
        assert.equal((await old.head(refOf(text, old.locate(text))))?.md5, md5Of(textBytes('text')));
        await assert.rejects(old.put(binary, payloadOf(Uint8Array.of(255)), { mode: 'create' }), {
          code: 'store.failed',
        });
        const results = await old.bulk?.put(
          [
            { key: binary, payload: payloadOf(Uint8Array.of(255)) },
            { key: second, payload: payloadOf(textBytes('x')) },
          ],
          { mode: 'create' },
        );
        assert.deepEqual(
          results?.map((result) => result.ok || result.error.code),
          ['store.failed', true],
        );
        assert.ok((await Array.fromAsync(old.list())).length > 0);
        await old.delete([text, second].map((key) => ({ ref: refOf(key, old.locate(key)), md5: undefined })));
      } finally {
        await opened.db.query('ALTER TABLE archive_document RENAME COLUMN hidden TO b64_encoded');
      }
    });

    test('without its table there is no store', async () => {
      await opened.db.query('ALTER TABLE archive_document RENAME TO away');
      try {
        await assert.rejects(openDbDriver(opened.db).prepare(), { code: 'store.container-missing' });
      } finally {
        await opened.db.query('ALTER TABLE away RENAME TO archive_document');
      }
    });
  });
}

test('every document of a real Anchore Engine reads back, in bulk and one by one', async () => {
  await using opened = await openTestDatabase('postgres', { template: 'fixture' });
  await using driver = openDbDriver(opened.db);
  const lines = (await readFile(FIXTURE_TSV, 'utf8')).trim().split('\n').slice(1);
  const documents = lines.map((line) => {
    const [userId = '', bucket = '', archiveId = '', , sha256 = ''] = line.split('\t');
    const key = { userId, bucket, archiveId, documentName: `${archiveId}.json` };
    return { ref: refOf(key, driver.locate(key)), sha256 };
  });
  const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const results = await driver.bulk?.get(documents.map(({ ref }) => ref));
  assert.deepEqual(
    results?.map((result) => result.ok && sha256Of(result.value)),
    documents.map(({ sha256 }) => sha256),
  );
  for (const { ref, sha256 } of documents.slice(0, 20))
    assert.equal(sha256Of(await readBytes(await driver.get(ref))), sha256);
  assert.equal((await Array.fromAsync(driver.list())).length, documents.length);
});
