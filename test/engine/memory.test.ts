import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAppError } from '../../src/core/errors.ts';
import { DocumentMemory, planDocumentMemory } from '../../src/engine/documents/document-memory.ts';
import { basic, createPlace, PASSWORD, send, startIn, urlOf } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

const MB = 1_000_000;
const DB2 = '{storage_driver: {name: db2, config: {}}}';
const never = new AbortController().signal;

/** The most that a process has held in memory, as the kernel counts it. */
const peakBytes = async (pid: number): Promise<number> =>
  Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

test('who asks for memory waits, gives up after a while, and leaves nothing behind', async () => {
  const memory = new DocumentMemory(100, 20);
  assert.equal(memory.largestShareBytes, 75);
  {
    using _ = await memory.take(70, never);
    await assert.rejects(memory.take(10, never), (error) => {
      assert.ok(isAppError(error, 'service.unavailable'));
      assert.ok((error.retryAfterMs ?? 0) > 0);
      return true;
    });
    await assert.rejects(memory.take(10, AbortSignal.abort(new Error('gone'))), /gone/);
    // Bodies have memory of their own: a slow sender keeps no document from its store.
    using body = memory.tryTakeForBody(20);
    assert.ok(body !== undefined);
    assert.equal(memory.tryTakeForBody(10), undefined);
  }
  using all = await memory.take(1000, never);
  assert.equal(all.sizeBytes, 75);
  assert.equal(planDocumentMemory(2 ** 30), 2 ** 29);
  assert.equal(planDocumentMemory(1), 64 * 2 ** 20);
});

test('many large documents at once wait for each other, and the process stays small', async (context) => {
  await using place = await createPlace();
  const config = await place.configure({ archive: DB2, catalog: `    document_memory_bytes: ${100 * MB}\n` });
  await using engine = await EngineProcess.start(['-c', config]);
  const pid = engine.child.pid ?? 0;
  const before = await peakBytes(pid);
  const body = new Uint8Array(20 * MB);
  const paths = Array.from({ length: 16 }, (_, index) => `/v1/objects/raw/b/${index}`);
  const url = engine.urlOf('catalog');
  // While the table is locked each of them stands there with all that it holds.
  const holder = await place.database.connect();
  await holder.query('BEGIN');
  await holder.query('LOCK TABLE object_storage IN EXCLUSIVE MODE');
  const sent = paths.map(async (path) => (await send(url, 'POST', path, { body })).status);
  await sleep(4000);
  await holder.query('COMMIT');
  await holder.end();
  const statuses = await Promise.all(sent);
  // Either it was stored, or the client was told to come again: never a broken connection.
  for (const status of statuses) assert.ok([200, 503].includes(status), statuses.join());
  assert.ok(statuses.includes(200));
  const grown = (await peakBytes(pid)) - before;
  context.diagnostic(`${statuses.filter((status) => status === 200).length} stored; ${grown / MB} MB more`);
  // Sixteen connections would hold some 600 MB.
  assert.ok(grown < 300 * MB, `${grown} bytes`);
});

test('a document that could never have enough memory is refused with what to do', async () => {
  await using place = await createPlace();
  const config = await place.configure({ archive: DB2, catalog: `    document_memory_bytes: ${8 * MB}\n` });
  await using engine = await startIn(config, { TMPDIR: place.folder });
  const url = urlOf(engine, 'catalog');
  const path = '/v1/objects/raw/b/x';
  const refused = await send(url, 'POST', path, { body: new Uint8Array(3 * MB + 1) });
  assert.equal(refused.status, 413, refused.text);
  const { message, detail } = refused.json as { message: string; detail: { remedy: string } };
  assert.match(message, /the driver db2 holds a document in memory .* room for 3000000 bytes; got 3000001/);
  assert.match(detail.remedy, /document_memory_bytes/);
  assert.equal((await send(url, 'POST', path, { body: new Uint8Array(3 * MB) })).status, 200);

  // Clients that ask, and go without reading: what was held for them comes back.
  const ask = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) }, () => {
        socket.pause();
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic('admin', PASSWORD)}\r\n\r\n`);
        resolve(socket);
      });
      socket.on('error', () => undefined);
    });
  const sockets = await Promise.all(Array.from({ length: 5 }, ask));
  setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, 300);
  for (let count = 0; count < 5; count += 1) assert.equal((await send(url, 'GET', path)).status, 200);
});
