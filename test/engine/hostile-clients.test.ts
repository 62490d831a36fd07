import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, mock, test } from 'node:test';
import { Policies } from '../../src/engine/policies/policies.ts';
import type { Engine } from '../../src/engine/start-engine.ts';
import { until } from '../migration/harness.ts';
import { basic, createPlace, type EnginePlace, PASSWORD, send, startIn, urlOf } from './engine-harness.ts';

const AUTHORIZATION = `Authorization: ${basic('admin', PASSWORD)}\r\nHost: x\r\n`;

describe('slow, huge and broken clients', () => {
  let place: EnginePlace;
  let engine: Engine;
  let url = '';
  before(async () => {
    place = await createPlace();
    const archive = `{storage_driver: {name: localfs, config: {archive_data_dir: '${join(place.folder, 'documents')}'}}}`;
    engine = await startIn(
      await place.configure({ archive, catalog: '    max_document_bytes: 3000000\n    request_timeout_seconds: 2\n' }),
      { TMPDIR: place.folder },
    );
    url = urlOf(engine, 'catalog');
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  const open = async (): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };

  /** What the service answers before it closes the connection. */
  const talk = async (text: string, then: (socket: Socket) => void = () => undefined): Promise<string> => {
    const socket = await open();
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    socket.write(text);
    then(socket);
    await new Promise((resolve) => socket.once('close', resolve));
    return answer;
  };

  const isFine = async (): Promise<void> => {
    assert.equal((await send(url, 'GET', '/health')).status, 200);
    assert.equal((await send(url, 'GET', '/v1/objects/b/half')).status, 404);
    // The service may still be about to notice that the client has gone.
    await until(async () => (await readdir(place.folder)).every((file) => !file.startsWith('anchore-engine-')));
  };

  test('a body that never comes', async () => {
    const answer = await talk(
      `POST /v1/objects/raw/b/half HTTP/1.1\r\n${AUTHORIZATION}Content-Length: 1000\r\n\r\nabc`,
    );
    assert.match(answer, /^(HTTP\/1\.1 408|$)/);
    await isFine();
  });

  test('a body that comes right after the answer, and another request on that connection', async () => {
    const socket = await open();
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    const body = '{"document": 1}';
    socket.write(
      `POST /v1/objects/policy_bundles/x HTTP/1.1\r\n${AUTHORIZATION}Content-Length: ${body.length}\r\n\r\n`,
    );
    await until(() => answer.includes('\r\n\r\n'));
    assert.match(answer, /^HTTP\/1\.1 409/);
    socket.write(body);
    await sleep(600);
    answer = '';
    socket.write(`GET /v1/objects/raw/b/half HTTP/1.1\r\n${AUTHORIZATION}\r\n`);
    await until(() => answer !== '' || socket.destroyed);
    assert.match(answer, /^HTTP\/1\.1 404/);
    socket.destroy();
  });

  test('headers that never end', async () => {
    assert.match(await talk(`GET /v1 HTTP/1.1\r\n${AUTHORIZATION}X-More: `), /^(HTTP\/1\.1 408|$)/);
    await isFine();
  });

  test('headers beyond all measure', async () => {
    assert.match(await talk(`GET /v1 HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`), /^(HTTP\/1\.1 431|$)/);
    await isFine();
  });

  test('a connection that breaks off in the middle of a body, small and large', async () => {
    for (const sizeBytes of [100, 2_000_000]) {
      const head = `POST /v1/objects/raw/b/half HTTP/1.1\r\n${AUTHORIZATION}Content-Length: 2500000\r\n\r\n`;
      await talk(head, (socket) => socket.write('x'.repeat(sizeBytes), () => socket.destroy()));
    }
    await isFine();
  });

  test('more than the limit, announced or not', async () => {
    const announced = await talk(
      `POST /v1/objects/raw/b/half HTTP/1.1\r\n${AUTHORIZATION}Content-Length: 99999999\r\n\r\n`,
    );
    assert.match(announced, /^HTTP\/1\.1 413[^]*request\.too-large/);
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const chunked = await talk(
      `POST /v1/objects/raw/b/half HTTP/1.1\r\n${AUTHORIZATION}Transfer-Encoding: chunked\r\n\r\n`,
      (socket) => socket.write(chunk.repeat(80)),
    );
    assert.match(chunked, /^HTTP\/1\.1 413/);
    await isFine();
  });

  test('what is not HTTP, and what is ambiguous', async () => {
    assert.match(await talk('\x16\x03\x01 hello\r\n\r\n'), /^HTTP\/1\.1 400/);
    const both = `POST /v1/objects/raw/b/half HTTP/1.1\r\n${AUTHORIZATION}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    assert.match(await talk(both), /^HTTP\/1\.1 400/);
    await isFine();
  });

  test('names that lead elsewhere stay names', async () => {
    for (const target of [
      '/v1/objects/raw/b/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
      '/v1/objects/raw/b/%00',
      '/v1/objects/raw/b/%ff',
      '/v1/objects/raw/%2e%2e/x',
    ]) {
      const answer = await talk(`GET ${target} HTTP/1.1\r\n${AUTHORIZATION}Connection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 40[04]/, target);
    }
    const post = await talk(
      `POST /v1/objects/raw/%2e%2e/x HTTP/1.1\r\n${AUTHORIZATION}Content-Length: 1\r\nConnection: close\r\n\r\nx`,
    );
    assert.match(post, /^HTTP\/1\.1 400/);
    await isFine();
  });

  test('a reader that stops reading is let go', async () => {
    const body = new Uint8Array(2_900_000);
    assert.equal((await send(url, 'POST', '/v1/objects/raw/b/big', { body })).status, 200);
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = await open();
        socket.pause();
        socket.write(`GET /v1/objects/raw/b/big HTTP/1.1\r\n${AUTHORIZATION}\r\n`);
        return socket;
      }),
    );
    await isFine();
    // At the limit for a request the service lets go, though no client has; what is left is the request for the metrics.
    await until(async () => /^anchore_http_requests_running 1$/m.test((await send(url, 'GET', '/metrics')).text));
    for (const socket of sockets) socket.destroy();
    await isFine();
  });
});

test('a stop lets a running request end, and a second signal does not wait', async () => {
  await using place = await createPlace();
  const engine = await startIn(await place.configure({ catalog: '    stop_timeout_seconds: 5\n' }));
  const url = urlOf(engine, 'catalog');
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode('{"document": '));
      await mayEnd;
      controller.enqueue(new TextEncoder().encode('1}'));
      controller.close();
    },
  });
  const posting = fetch(`${url}/v1/objects/b/late`, {
    method: 'POST',
    headers: { authorization: basic('admin', PASSWORD) },
    body,
    duplex: 'half',
  } as RequestInit);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const stopped = engine.stop();
  await assert.rejects(fetch(`${url}/health`, { headers: { connection: 'close' } }));
  end();
  assert.equal((await posting).status, 200);
  await stopped;
});

test('a defect tells clients nothing but its request id, and the log everything', async () => {
  await using place = await createPlace();
  const lines: string[] = [];
  await using engine = await startIn(await place.configure(), {}, lines);
  const url = urlOf(engine);
  const failing = mock.method(Policies.prototype, 'list', () => Promise.reject(new TypeError('it is not a function')));
  try {
    const answer = await send(url, 'GET', '/v1/policies', { headers: { 'x-request-id': 'the-one' } });
    assert.equal(answer.status, 500);
    assert.deepEqual(answer.json, {
      message: 'the service met an error; see its log',
      httpcode: 500,
      detail: { error_codes: ['internal'], request_id: 'the-one' },
    });
    assert.doesNotMatch(answer.text + JSON.stringify([...answer.headers]), /not a function|\.ts|\bat /);
  } finally {
    failing.mock.restore();
  }
  const logged = lines.find((line) => line.includes('request failed')) ?? '';
  assert.match(logged, /"request_id":"the-one"/);
  assert.match(logged, /TypeError: it is not a function\\n\s+at /);
  // What the database says of its tables is for the log too.
  await place.database.query('DROP TABLE policy_bundle');
  const second = await send(url, 'GET', '/v1/policies');
  assert.equal(second.status, 500);
  assert.doesNotMatch(second.text, /policy_bundle|relation|SELECT|\.ts|\bat /);
});
