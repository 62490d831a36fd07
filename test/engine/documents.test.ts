import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Engine } from '../../src/engine/start-engine.ts';
import { startFauxqs, type S3Server } from '../support/fauxqs.ts';
import { basic, createPlace, DB_ARCHIVE, type EnginePlace, PASSWORD, send, startIn, urlOf } from './engine-harness.ts';

const STORES = ['db', 'db2', 'localfs', 's3'] as const;

/** Any text that a path of a URL can carry as one name: a client would take `.` and `..` out. */
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 24 })
  .filter((text) => text !== '.' && text !== '..' && !text.includes('\0') && text.isWellFormed());

const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }).map((text) => new TextEncoder().encode(text)),
  // Beyond what stays in memory on the way, and what is compressed.
  fc.integer({ min: 1, max: 1_400_000 }).map((length) => new Uint8Array(length).fill(length % 251)),
);

const getRaw = async (url: string, path: string): Promise<{ status: number; bytes: Uint8Array }> => {
  const answer = await fetch(url + path, { headers: { authorization: basic('admin', PASSWORD) } });
  return { status: answer.status, bytes: new Uint8Array(await answer.arrayBuffer()) };
};

describe('documents over HTTP', () => {
  let s3: S3Server;
  let scratch = '';
  before(async () => {
    s3 = await startFauxqs();
    await s3.createBucket('engine');
    scratch = await mkdtemp(join(tmpdir(), 'test-engine-documents-'));
  });
  after(async () => {
    await s3[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true, force: true });
  });

  const archiveOf = (store: (typeof STORES)[number]): string => {
    const compression = 'compression: {enabled: true, min_size_kbytes: 1}';
    const options = {
      db: '{}',
      db2: '{}',
      localfs: `{archive_data_dir: '${scratch}/localfs'}`,
      s3: `{url: '${s3.url}', bucket: engine, access_key: a, secret_key: secret-b, prefix: 'p/'}`,
    }[store];
    return `{${compression}, storage_driver: {name: ${store}, config: ${options}}}`;
  };

  for (const store of STORES)
    describe(store, () => {
      let place: EnginePlace;
      let engine: Engine;
      let url = '';
      before(async () => {
        place = await createPlace();
        engine = await startIn(await place.configure({ archive: archiveOf(store) }));
        url = urlOf(engine, 'catalog');
      });
      after(async () => {
        await engine[Symbol.asyncDispose]();
        await place[Symbol.asyncDispose]();
      });

      test('any bytes under any key come back, are replaced, and go', async () => {
        await fc.assert(
          fc.asyncProperty(name, fc.array(content, { minLength: 1, maxLength: 3 }), async (archiveId, contents) => {
            const path = `/v1/objects/raw/bucket/${encodeURIComponent(archiveId)}`;
            for (const bytes of contents) {
              const body = new Uint8Array(bytes);
              const put = await send(url, 'POST', path, {
                body,
                headers: { 'content-type': 'application/octet-stream' },
              });
              assert.equal(put.status, 200, put.text);
              const got = await getRaw(url, path);
              assert.equal(got.status, 200);
              assert.ok(Buffer.from(bytes).equals(got.bytes), 'other bytes came back');
            }
            const [row] = await place.database.query<{ documentName: string; digest: string | null }>(
              'SELECT "documentName", digest FROM archive_metadata WHERE "archiveId" = $1',
              [archiveId],
            );
            assert.equal(row?.documentName, `${archiveId}.json`);
            assert.match(row?.digest ?? '', /^[0-9a-f]{32}$/);
            assert.equal((await send(url, 'DELETE', path)).status, 200);
            assert.equal((await getRaw(url, path)).status, 404);
            assert.equal((await send(url, 'DELETE', path)).status, 404);
          }),
          { numRuns: 12 },
        );
      });

      test('JSON documents stay as they were sent, under both names', async () => {
        const body = '{"document": {"large": 123456789012345678901234567890, "text": "ü\\u0000"}}';
        assert.equal((await send(url, 'POST', '/v1/archive/b/numbers', { body })).status, 200);
        assert.equal((await send(url, 'GET', '/v1/objects/b/numbers')).text, body);
        assert.equal((await send(url, 'GET', '/v1/archive/b/numbers')).text, body);
        for (const wrong of ['[1]', '{"other": 1}', '{', '{"document": 1, "more": 2}', 'null', '""', '{"document"}'])
          assert.equal((await send(url, 'POST', '/v1/objects/b/wrong', { body: wrong })).status, 400, wrong);
        await send(url, 'POST', '/v1/objects/raw/b/bytes', { body: 'not json' });
        assert.equal((await send(url, 'GET', '/v1/objects/b/bytes')).status, 409);
      });

      test('of many writers of one document one wins whole, and the row agrees with the bytes', async () => {
        const bodies = Array.from({ length: 8 }, (_, index) =>
          Uint8Array.from(randomBytes(20_000 + index * 3000)).fill(index, 0, 9000),
        );
        const path = '/v1/objects/raw/b/contested';
        for (let round = 0; round < 3; round += 1) {
          const answers = await Promise.all(bodies.map((body) => send(url, 'POST', path, { body })));
          assert.deepEqual(
            answers.map(({ status }) => status),
            bodies.map(() => 200),
          );
          const { status, bytes } = await getRaw(url, path);
          assert.equal(status, 200);
          assert.ok(bodies.some((body) => Buffer.from(body).equals(bytes)));
        }
        assert.deepEqual(await place.database.query('SELECT * FROM archive_engine_intent'), []);
      });

      test('writers, readers and deleters at once meet old or new content, or none', async () => {
        const path = '/v1/objects/raw/b/busy';
        const seen = new Set<string>();
        const bodies = new Set(['first', 'second', 'third']);
        const work = Array.from({ length: 30 }, async (_, index) => {
          if (index % 10 === 9) return void (await send(url, 'DELETE', path));
          if (index % 2 === 0) {
            const body = [...bodies][index % 3] ?? '';
            return assert.equal((await send(url, 'POST', path, { body })).status, 200);
          }
          const { status, bytes } = await getRaw(url, path);
          seen.add(status === 404 ? 'none' : Buffer.from(bytes).toString());
          return undefined;
        });
        await Promise.all(work);
        for (const text of seen) assert.ok(text === 'none' || bodies.has(text), text);
      });
    });

  test('a document beyond the limit is refused, and one below it streams', async () => {
    await using place = await createPlace();
    const archive = `{storage_driver: {name: localfs, config: {archive_data_dir: '${scratch}/limited'}}}`;
    await using engine = await startIn(
      await place.configure({ archive, catalog: '    max_document_bytes: 20000000\n' }),
    );
    const url = urlOf(engine);
    const path = '/v1/objects/raw/b/large';
    const large = Uint8Array.from(randomBytes(19_000_000));
    assert.equal((await send(url, 'POST', path, { body: large })).status, 200);
    assert.ok(Buffer.from(large).equals((await getRaw(url, path)).bytes));
    const refused = await fetch(url + path, {
      method: 'POST',
      headers: { 'authorization': basic('admin', PASSWORD), 'content-length': '20000001' },
      body: new Uint8Array(20_000_001),
    }).then(
      (answer) => answer.status,
      () => 'closed',
    );
    assert.ok(refused === 413 || refused === 'closed');
    assert.ok(Buffer.from(large).equals((await getRaw(url, path)).bytes));
  });

  test('bytes that somebody has changed in the store are never sent as if they were right', async () => {
    await using place = await createPlace();
    await using engine = await startIn(await place.configure({ archive: DB_ARCHIVE }));
    await send(urlOf(engine), 'POST', '/v1/objects/b/x', { body: '{"document": 1}' });
    await place.database.query(`UPDATE archive_document SET jsondata = '{"document": 2}' WHERE "archiveId" = 'x'`);
    const answer = await send(urlOf(engine), 'GET', '/v1/objects/b/x');
    assert.equal(answer.status, 500);
    assert.match(answer.text, /document\.corrupt/);
  });
});
