import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  type Script,
  type ScriptedAnswer,
  type ScriptedServer,
  startScriptedServer,
  TLS_CERTIFICATE_FILE,
} from '../support/scripted-http.ts';
import { CLI, runCli } from './cli.ts';

const PASSWORD = 'a-secret-that-must-not-show';

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

/** The URL that a user gives. */
const apiOf = (service: ScriptedServer): string => `${service.url}/v1`;

const POLICIES = [{ policyId: 'p', active: true, policy_source: 'local', created_at: null, last_updated: null }];

const healthy: Script = ({ target }) => json(200, target === '/v1' ? 'v1' : POLICIES);

const as = (url: string): Record<string, string> => ({
  ANCHORE_CLI_URL: url,
  ANCHORE_CLI_USER: 'somebody',
  ANCHORE_CLI_PASS: PASSWORD,
});

const list = (environment: Record<string, string>, ...args: readonly string[]) =>
  runCli([...args, 'policy', 'list'], { environment });

describe('the way to the service', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'test-client-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('nothing listens: said at once, exit 2', async () => {
    const { code, err } = await list(as('http://127.0.0.1:1/v1'));
    assert.equal(code, 2);
    assert.match(
      err,
      /^Error: could not access the service \(user=somebody url=http:\/\/127\.0\.0\.1:1\/v1\): .*nothing listens there \(connection refused\)\.\n {2}code: {4}service\.unreachable\n {2}remedy: {2}.*system wait/,
    );
    assert.match((await list(as('http://nowhere.invalid/v1'))).err, /the name of the host/);
  });

  test('each answer has the exit code of the original', async () => {
    for (const [status, expected] of [
      [400, 1],
      [401, 2],
      [404, 1],
      [500, 2],
      [507, 1],
    ] as const) {
      await using service = await startScriptedServer(({ target }) =>
        target === '/v1' ? json(200, 'v1') : json(status, { message: 'said so', httpcode: status, detail: {} }),
      );
      const { code, err, out } = await list(as(apiOf(service)), '--json');
      assert.equal(code, expected, `${status}: ${err}`);
      assert.match(err, new RegExp(`^Error: said so\\.\n {2}code: {4}\\S+ \\(HTTP ${status}\\)\n {2}remedy: {2}\\S`));
      assert.deepEqual(JSON.parse(out), { message: 'said so', httpcode: status, detail: {} });
    }
  });

  test('whatever denies access is exit 2', async () => {
    for (const status of [401, 404]) {
      await using service = await startScriptedServer(() => json(status, { message: 'no', httpcode: status }));
      assert.equal((await list(as(apiOf(service)))).code, 2, String(status));
    }
  });

  test('something else than the service is told', async () => {
    await using page = await startScriptedServer(() => ({ status: 404, body: '<html>' }));
    assert.match((await list(as(apiOf(page)))).err, /service\.failed \(HTTP 404\)\n {2}remedy: {2}Check the URL/);
    await using text = await startScriptedServer(() => ({ status: 200, body: 'hello' }));
    assert.match((await list(as(apiOf(text)))).err, /the answer is not JSON/);
    await using moved = await startScriptedServer(() => ({ status: 301, headers: { location: 'https://other/v1' } }));
    assert.match((await list(as(apiOf(moved)))).err, /HTTP 301 with the URL https:\/\/other\/v1/);
    await using odd = await startScriptedServer(() => json(200, { unexpected: true }));
    const { code, err } = await list(as(apiOf(odd)));
    assert.equal(code, 2);
    assert.match(err, /the answer is not what was expected/);
  });

  test('a GET is tried again while the service is busy, or breaks off; any other request is sent once', async () => {
    let failures = 3;
    await using service = await startScriptedServer((request) => {
      if (request.target === '/v1' || failures-- <= 0) return healthy(request);
      if (failures === 1) return { ...healthy(request), status: 200, cutAfterBytes: 5 };
      return json(503, { message: 'busy', httpcode: 503 }, { 'retry-after': '0' });
    });
    const { code, err } = await list(as(apiOf(service)));
    assert.equal(code, 0, err);
    failures = 1;
    const before = service.requests.length;
    const deleted = await runCli(['policy', 'del', 'p'], { environment: as(apiOf(service)) });
    assert.equal(deleted.code, 1);
    assert.match(deleted.err, /service\.unavailable \(HTTP 503\)/);
    assert.equal(service.requests.length - before, 2);
  });

  test('a document that breaks off is read again from its start; a file is there whole or not at all', async () => {
    let breaks = 1;
    await using service = await startScriptedServer(({ target }) => {
      if (target === '/v1') return json(200, 'v1');
      const whole = { status: 200, body: 'the whole document' };
      return breaks-- > 0 ? { ...whole, cutAfterBytes: 7 } : whole;
    });
    const target = join(folder, 'documents');
    const get = () =>
      runCli(['document', 'get', 'b', 'x', '--raw', '--folder', target], { environment: as(apiOf(service)) });
    const got = await get();
    assert.equal(got.code, 0, got.err);
    assert.equal(await readFile(join(target, 'x'), 'utf8'), 'the whole document');
    await rm(join(target, 'x'));
    breaks = 10;
    const failed = await get();
    assert.equal(failed.code, 2);
    assert.match(failed.err, /service\.unreachable/);
    assert.deepEqual(await readdir(target), []);
  });

  test('what fails for one document fails for all: it is told once', async () => {
    let left = 3;
    await using service = await startScriptedServer(({ target }) =>
      target === '/v1' || left-- > 0 ? json(200, true) : json(401, { message: 'no longer', httpcode: 401 }),
    );
    const ids = Array.from({ length: 50 }, (_, index) => `d${index}`);
    const { code, err } = await runCli(['document', 'delete', 'b', ...ids, '--concurrency', '1'], {
      environment: as(apiOf(service)),
    });
    assert.equal(code, 2);
    assert.match(err, /^Deleted 3 of 50 documents before this:\nError: no longer\./);
    assert.equal(service.requests.length, 5);
  });

  test('TLS: trusted by --cacert, or not looked at by --insecure', async () => {
    await using service = await startScriptedServer(healthy, { tls: true });
    const refused = await list(as(apiOf(service)));
    assert.equal(refused.code, 2);
    assert.match(refused.err, /service\.tls\n {2}remedy: {2}Give --cacert FILE/);
    for (const [args, more] of [
      [['--cacert', TLS_CERTIFICATE_FILE], {}],
      [['--insecure'], {}],
      [[], { ANCHORE_CLI_SSL_VERIFY: 'n' }],
      [[], { REQUESTS_CA_BUNDLE: TLS_CERTIFICATE_FILE }],
    ] as const) {
      const { code, err } = await list({ ...as(apiOf(service)), ...more }, ...args);
      assert.equal(code, 0, err);
    }
    assert.match((await list(as(apiOf(service)), '--cacert', '/nowhere.pem')).err, /--cacert \/nowhere\.pem: ENOENT/);
    await using plain = await startScriptedServer(healthy);
    assert.match((await list(as(apiOf(plain).replace('http:', 'https:')))).err, /does not speak TLS/);
  });

  test('what it sends is what the original sends', async () => {
    await using service = await startScriptedServer(healthy);
    assert.equal((await list(as(`${apiOf(service)}/`), '--as-account', 'other')).code, 0);
    assert.deepEqual(
      service.requests.map(({ method, target }) => `${method} ${target}`),
      ['GET /v1', 'GET /v1/policies?detail=False'],
    );
    const headers = service.requests[1]?.headers;
    assert.equal(headers?.authorization, `Basic ${Buffer.from(`somebody:${PASSWORD}`).toString('base64')}`);
    assert.equal(headers?.['content-type'], 'application/json');
    assert.equal(headers?.['x-anchore-account'], 'other');
    assert.equal((await list(as(service.url))).code, 0, '/v1 is where the API lies');
  });

  test('an option comes before the environment, and that before a file', async () => {
    await using service = await startScriptedServer(healthy);
    const sent = async (args: readonly string[], environment: Record<string, string>): Promise<string> => {
      const { code, err } = await list({ ANCHORE_CLI_URL: apiOf(service), ...environment }, ...args);
      assert.equal(code, 0, err);
      const header = service.requests.at(-1)?.headers.authorization ?? '';
      return Buffer.from(header.replace('Basic ', ''), 'base64').toString('utf8');
    };
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, 'in-a-file\n');
    await mkdir(join(folder, '.anchore'));
    await writeFile(
      join(folder, '.anchore/credentials.yaml'),
      "default:\n  ANCHORE_CLI_USER: 'from-home'\n  ANCHORE_CLI_PASS: 0123\n",
    );
    assert.equal(await sent([], { HOME: folder }), 'from-home:0123');
    assert.equal(
      await sent([], { HOME: folder, ANCHORE_CLI_USER: 'u', ANCHORE_CLI_PASS_FILE: passwordFile }),
      'u:in-a-file',
    );
    const both = { ANCHORE_CLI_USER: 'u', ANCHORE_CLI_PASS: 'in-the-environment' };
    assert.equal(await sent([], both), 'u:in-the-environment');
    assert.equal(await sent(['--password-file', passwordFile], both), 'u:in-a-file');
    assert.equal(await sent(['--u', 'v', '--p', 'given', '--password-file', passwordFile], both), 'v:given');
    const inUrl = apiOf(service).replace('//', '//w:p%40ss@');
    assert.equal(await sent(['--url', inUrl], {}), 'w:p@ss');
  });

  test('what is missing or unreadable is told before anything is sent', async () => {
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{}, /the password is missing.*\n.*\n {2}remedy: {2}Give --password-file/],
      [{ ANCHORE_CLI_PASS: 'x' }, /the user is missing/],
      [{ ANCHORE_CLI_USER: 'u', ANCHORE_CLI_PASS_FILE: '/nowhere' }, /the password file \/nowhere: ENOENT/],
      [{ ANCHORE_CLI_CONFIG: '/nowhere.yaml' }, /the credentials file \/nowhere\.yaml: ENOENT/],
      [{ ...as('ftp://x'), ANCHORE_CLI_ACCOUNT: '' }, /expected http:\/\/HOST/],
      [{ ...as('http://x/v1'), ANCHORE_CLI_ACCOUNT: 'ü' }, /printable ASCII/],
    ];
    for (const [environment, expected] of cases) {
      const { code, err } = await list(environment);
      assert.equal(code, 2);
      assert.match(err, expected);
    }
  });

  test('no secret is shown: not in errors, not with --debug, not in the list of processes', async () => {
    const wrong = await list(
      {},
      '--u',
      'u',
      '--p',
      PASSWORD,
      '--debug',
      '--url',
      `http://u:${PASSWORD}@127.0.0.1:1/v1`,
    );
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /GET http:\/\/127\.0\.0\.1:1\/v1: failed/);
    assert.doesNotMatch(wrong.err + wrong.out, new RegExp(PASSWORD));
    const mistyped = await runCli(['--p', PASSWORD, '--url', `http://u:${PASSWORD}@h/v1`, 'policy', 'list', PASSWORD]);
    assert.doesNotMatch(mistyped.err + mistyped.out, new RegExp(PASSWORD));

    const { promise, resolve } = Promise.withResolvers<void>();
    await using service = await startScriptedServer(() => {
      resolve();
      return undefined;
    });
    const child = spawn(CLI, ['--url', apiOf(service), '--u', 'u', '--p', PASSWORD, 'policy', 'list'], {
      stdio: 'ignore',
    });
    await promise;
    const shown = await readFile(`/proc/${child.pid}/cmdline`, 'utf8');
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.doesNotMatch(shown, new RegExp(PASSWORD));
    assert.equal(code, 130);
  });

  test('a mistyped command is guessed', async () => {
    const { code, err } = await runCli(['policy', 'lst']);
    assert.equal(code, 2);
    assert.match(err, /Did you mean list\?/);
    assert.match((await runCli(['--json', 'document'])).out, /"a command is missing/);
    assert.match((await runCli(['document', 'get', '--help'])).out, /--folder/);
  });
});
