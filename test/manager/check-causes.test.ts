import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type S3Server, startFauxqs } from '../support/fauxqs.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

/** What is wrong with a configuration, one at a time: the cause and the remedy are what a person reads. */

const CERTIFICATE = new URL('../support/tls/localhost-certificate.pem', import.meta.url);
const KEY = new URL('../support/tls/localhost-key.pem', import.meta.url);

let configs: TemporaryConfigs;
let database: TestDatabase;
let s3: S3Server;
const servers: Server[] = [];

const listen = async (server: Server): Promise<number> => {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

before(async () => {
  configs = await createConfigs();
  database = await (await getTestPostgres()).createDatabase();
  s3 = await startFauxqs();
});

after(async () => {
  for (const server of servers) server.close();
  await s3[Symbol.asyncDispose]();
  await database.drop();
  await configs[Symbol.asyncDispose]();
});

const s3Options = (url: string, more = ''): string =>
  `{url: '${url}', bucket: archive, access_key: AKIAMARKED, secret_key: not-to-be-shown${more}}`;

/** The error of a check, as it is printed. */
const failureOf = async (
  driver: string,
  options: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{
  readonly code: number | null;
  readonly error: string;
  readonly named: string;
  readonly remedy: string;
}> => {
  const config = await configs.write('wrong.yaml', driver, options);
  const { code, stderr } = await runManager(['archivestorage', '--db-connect', database.url, 'check', config], {
    HTTP_PROXY: '',
    HTTPS_PROXY: '',
    ...environment,
  });
  assert.ok(!stderr.includes('not-to-be-shown'), stderr);
  const part = (pattern: RegExp): string => pattern.exec(stderr)?.[1] ?? `none in ${stderr}`;
  return {
    code,
    error: part(/^Error: (.*)$/m),
    named: part(/^ {2}code: +(.*)$/m),
    remedy: part(/^ {2}remedy: (.*)$/m),
  };
};

test('a port on which nothing listens', async () => {
  const { code, error, named, remedy } = await failureOf('s3', s3Options('http://127.0.0.1:1'));
  assert.deepEqual([code, named], [4, 'store.unreachable']);
  assert.match(error, /HeadBucket s3:\/\/archive at http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED/);
  assert.match(remedy, /^Nothing listens there: check host and port of the URL/);
});

test('a host that does not exist', async () => {
  const { named, remedy } = await failureOf('s3', s3Options('http://no-such-host.invalid'));
  assert.equal(named, 'store.unreachable');
  assert.match(remedy, /^(No host has this name: correct the URL|The name could not be looked up)/);
});

test('https where http is spoken', async () => {
  const { named, error, remedy } = await failureOf('s3', s3Options(s3.url.replace('http:', 'https:')));
  assert.equal(named, 'store.tls');
  assert.match(error, /the answer is not TLS \(/);
  assert.match(remedy, /write http:\/\/ in the URL/);
});

test('something that is no S3 server', async () => {
  const port = await listen(
    createHttpServer((_, answer) =>
      answer.writeHead(404, { 'content-type': 'text/html' }).end('<html>Not here</html>'),
    ),
  );
  const { named, remedy } = await failureOf('s3', s3Options(`http://127.0.0.1:${port}`));
  assert.equal(named, 'store.failed');
  assert.match(remedy, /does not speak S3: correct url, with the port of the API/);
});

test('a bucket that does not exist', async () => {
  const { named, error, remedy } = await failureOf('s3', s3Options(s3.url));
  assert.equal(named, 'store.container-missing');
  assert.equal(error, 'the bucket "archive" does not exist, and create_bucket is not set.');
  assert.equal(remedy, 'Correct bucket, create it, or set create_bucket: true.');
});

test('a certificate that nobody vouches for, one that ca_file vouches for, and a ca_file that is not there', async () => {
  const [cert, key] = await Promise.all([readFile(CERTIFICATE), readFile(KEY)]);
  const port = await listen(createHttpsServer({ cert, key }, (_, answer) => answer.writeHead(500).end()));
  const unknown = await failureOf('s3', s3Options(`https://localhost:${port}`));
  assert.equal(unknown.named, 'store.tls');
  assert.match(unknown.remedy, /^Set ca_file to the file \(PEM\) of the CA/);
  const ca = `, ca_file: '${CERTIFICATE.pathname}'`;
  const trusted = await failureOf('s3', s3Options(`https://localhost:${port}`, ca));
  assert.equal(trusted.named, 'store.busy', 'with ca_file the connection holds, and the server speaks');
  const missing = await failureOf('s3', s3Options(`https://localhost:${port}`, ', ca_file: /nowhere/ca.pem'));
  assert.deepEqual([missing.code, missing.named], [2, 'config.unreadable']);
  assert.match(missing.error, /ca_file \/nowhere\/ca\.pem/);
});

test('a proxy that is not there, one that refuses, and one that is no URL', async () => {
  const absent = await failureOf('s3', s3Options('http://s3.example.com'), { HTTP_PROXY: 'http://127.0.0.1:1' });
  assert.equal(absent.named, 'store.unreachable');
  assert.match(absent.remedy, /correct that, or put the host of the store into NO_PROXY/);
  const refusing = createHttpServer().on('connect', (_, socket) =>
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n'),
  );
  const proxy = `http://127.0.0.1:${await listen(refusing)}`;
  const refused = await failureOf('s3', s3Options('https://s3.example.com'), { HTTPS_PROXY: proxy });
  assert.equal(refused.named, 'store.unreachable');
  assert.match(refused.remedy, /^A proxy was in the way: check HTTPS_PROXY with its user and password/);
  const wrong = await failureOf('s3', s3Options('http://s3.example.com'), { HTTP_PROXY: 'nonsense' });
  assert.deepEqual([wrong.code, wrong.named], [2, 'config.invalid']);
  assert.match(wrong.remedy, /^Set it to a URL such as http:\/\/proxy\.example\.com:3128/);
});

test('Swift: no server, and something that is none', async () => {
  const options = (auth: string): string =>
    `{auth: '${auth}', auth_version: '1', user: u, key: not-to-be-shown, container: archive}`;
  const absent = await failureOf('swift', options('http://127.0.0.1:1/auth/v1.0'));
  assert.equal(absent.named, 'store.unreachable');
  assert.match(absent.remedy, /^Nothing listens there/);
  const other = await failureOf('swift', options(`${s3.url}/auth/v1.0`));
  assert.match(other.error, /authentication at .*: there is no such service \(HTTP 404\)/);
  assert.equal(other.remedy, 'Check auth and auth_version.');
});

test('a folder that cannot be made, and a file in its way', async () => {
  const none = await failureOf('localfs', '{archive_data_dir: /proc/nothing/here}');
  assert.deepEqual([none.code, none.named], [4, 'store.read-only']);
  assert.match(none.error, /^\/proc\/nothing: no folder can be made there/);
  const file = await failureOf('localfs', `{archive_data_dir: ${CERTIFICATE.pathname}/archive}`);
  assert.match(file.error, /a file stands where a folder should/);
  assert.equal(file.remedy, 'Move the file that is in the way, or name another folder.');
});

test('a misspelt section is no check of the wrong store', async () => {
  const config = await configs.write('right.yaml', 'db');
  const text = (await readFile(config, 'utf8')).replace('object_store', 'objectstore');
  await writeFile(config, text);
  const { code, stderr } = await runManager(['archivestorage', '--db-connect', database.url, 'check', config]);
  assert.equal(code, 2);
  assert.match(stderr, /services\.catalog\.objectstore: there is no such key; did you mean object_store\?/);
});
