import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startFauxqs, type S3Server } from '../support/fauxqs.ts';
import { describeDocuments } from './document-cases.ts';
import { EngineProcess } from './engine-process.ts';
import { basic, createPlace, DB_ARCHIVE, PASSWORD, send, startIn, urlOf } from './engine-harness.ts';

const STORES = ['db', 'db2', 'localfs', 's3'] as const;

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

  for (const store of STORES) describeDocuments(store, { archive: () => Promise.resolve(archiveOf(store)) });

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

  test('a JSON document goes through a heap in which its values would have no room', async () => {
    await using place = await createPlace();
    const archive = `{compression: {enabled: true}, storage_driver: {name: localfs, config: {archive_data_dir: '${scratch}/large'}}}`;
    await using engine = await EngineProcess.start(['-c', await place.configure({ archive })], {
      environment: { NODE_OPTIONS: '--max-old-space-size=64' },
    });
    const path = `${engine.urlOf('catalog')}/v1/objects/b/large`;
    const headers = { authorization: basic('admin', PASSWORD) };
    const item = `${JSON.stringify({ name: 'package', version: '1.0', files: ['/a', '/b'], size: 12.5 })},`.repeat(
      10_000,
    );
    const parts = function* (): Generator<Uint8Array> {
      yield Buffer.from('{"document": [');
      for (let index = 0; index < 35; index += 1) yield Buffer.from(item);
      yield Buffer.from('null]}');
    };
    const post = (body: Iterable<Uint8Array>): Promise<Response> =>
      fetch(path, { method: 'POST', headers, body: ReadableStream.from(body), duplex: 'half' } as RequestInit);
    assert.equal((await post(parts())).status, 200);
    const hash = createHash('sha256');
    for (const part of parts()) hash.update(part);
    const read = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of (await fetch(path, { headers })).body ?? []) {
      read.update(chunk);
      sizeBytes += chunk.length;
    }
    assert.equal(read.digest('hex'), hash.digest('hex'));
    assert.ok(sizeBytes > 20_000_000, `only ${sizeBytes} bytes`);
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
