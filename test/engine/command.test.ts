import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../migration/harness.ts';
import { REPOSITORY } from '../support/source-files.ts';
import { basic, createPlace, PASSWORD, send, startIn, urlOf } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

const run = promisify(execFile);
const COMMAND = join(REPOSITORY, 'bin/anchore-engine');

test('says how it is used, and what is wrong', async () => {
  const { stdout } = await run(COMMAND, ['--help']);
  assert.match(stdout, /start/);
  assert.match(stdout, /init/);
  const failure = (args: readonly string[]): Promise<{ code: number; stderr: string }> =>
    run(COMMAND, [...args]).then(
      () => assert.fail('it worked'),
      (error: { code: number; stderr: string }) => error,
    );
  assert.equal((await failure(['stort'])).code, 2);
  const missing = await failure(['start', '-c', '/nowhere/config.yaml']);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /config\.unreadable/);
});

test('init creates the tables, and start on them says where everything is; a second signal does not wait', async () => {
  await using place = await createPlace();
  const config = await place.configure();
  assert.match((await run(COMMAND, ['init', '-c', config])).stdout, /The tables are there/);
  assert.equal((await place.database.query('SELECT 1 FROM policy_bundle')).length, 0);
  await using engine = await EngineProcess.start(['-c', config]);
  assert.match(engine.stdout, /^apiext {3}http:\/\/127\.0\.0\.1:\d+\/v1$/m);
  assert.match(engine.stdout, /^user {5}admin$/m);
  assert.match(engine.stdout, /^database postgres@/m);
  assert.doesNotMatch(engine.stdout + engine.stderr, new RegExp(PASSWORD));
  const url = engine.urlOf('catalog');
  await send(url, 'GET', '/v1/objects/b/x', { headers: { 'x-request-id': 'mine-1' } });
  // The line is written once the connection is done with the answer.
  await until(() => /"request_id":"mine-1".*"status":404/.test(engine.stderr));

  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `POST /v1/objects/raw/b/x HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic('admin', PASSWORD)}\r\nContent-Length: 99\r\n\r\n`,
  );
  await once(socket, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 300));
  engine.child.kill('SIGTERM');
  await until(() => engine.stderr.includes('once more stops at once'));
  assert.equal(await engine.end('SIGTERM'), 130);
  socket.destroy();
});

test('without any configuration: an embedded database, this machine alone, a password to be looked up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'test-engine-bare-'));
  try {
    const { ANCHORE_DB_CONNECT: _, ...environment } = process.env;
    await using engine = await EngineProcess.start(['--any-port'], {
      folder,
      environment: environment as Record<string, string>,
    });
    assert.match(engine.stdout, /^apiext {3}http:\/\/127\.0\.0\.1:\d+\/v1$/m);
    const file = /^password in the file (.*)$/m.exec(engine.stdout)?.[1] ?? '';
    const password = (await readFile(file, 'utf8')).trim();
    assert.doesNotMatch(engine.stdout + engine.stderr, new RegExp(password));
    const url = engine.urlOf('apiext');
    const body = '{"document": "kept"}';
    assert.equal((await send(url, 'POST', '/v1/objects/b/x', { password, body })).status, 200);
    assert.equal((await send(url, 'GET', '/v1/objects/b/x', { password })).text, body);
    assert.equal(await engine.end('SIGTERM'), 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('over TLS, where the configuration says so', async () => {
  await using place = await createPlace();
  const tls = join(REPOSITORY, 'test/support/tls');
  const config = await place.configure({
    services: ['catalog'],
    catalog: `    ssl_enable: true\n    ssl_cert: ${tls}/localhost-certificate.pem\n    ssl_key: ${tls}/localhost-key.pem\n`,
  });
  await using engine = await startIn(config);
  assert.deepEqual([...engine.urls.keys()], ['catalog']);
  const url = urlOf(engine, 'catalog');
  assert.match(url, /^https:/);
  const ca = await readFile(join(tls, 'localhost-certificate.pem'));
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(`${url}/health`, { ca, servername: 'localhost', agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    sent.on('error', reject).end();
  });
  assert.equal(status, 200);
});
