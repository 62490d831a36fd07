import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { getRunning } from '../../scripts/servers/running.ts';
import { DEFAULT_BUNDLE } from '../../src/engine/policies/default-bundle.ts';
import { createPlace, type EnginePlace, PASSWORD } from '../engine/engine-harness.ts';
import { EngineProcess } from '../engine/engine-process.ts';
import { runManager } from '../support/manager.ts';
import { REPOSITORY } from '../support/source-files.ts';

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = 'import sys; from anchorecli.cli import main_entry; sys.argv[0] = "anchore-cli"; main_entry()';
const TIMEOUT_MS = 60_000;

describe("the original's own client, unchanged", () => {
  let python = '';
  let place: EnginePlace;
  let from = '';
  let engine: EngineProcess;
  before(async () => {
    python = (await getRunning('anchorecli')).credentials['python'] ?? '';
    place = await createPlace();
    from = await place.configure();
    engine = await EngineProcess.start(['-c', from]);
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  /** One call of the client, as a person types it. It never ends in a stack trace. */
  const cli = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    new Promise((resolve) => {
      const env = {
        ...process.env,
        HOME: place.folder,
        ANCHORE_CLI_URL: `${engine.urlOf('apiext')}/v1`,
        ANCHORE_CLI_USER: 'admin',
        ANCHORE_CLI_PASS: PASSWORD,
        ...environment,
      };
      execFile(python, ['-c', MAIN, ...args], { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        assert.doesNotMatch(stdout + stderr, /Traceback/);
        resolve({ code, stdout, stderr });
      });
    });

  const succeeds = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(args);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };

  test('system wait ends once the services are up; system status says which', async () => {
    const waited = await cli(['system', 'wait', '--feedsready', '', '--timeout', '30', '--interval', '1']);
    assert.equal(waited.code, 0, waited.stdout + waited.stderr);
    assert.match(waited.stderr, /Service availability: Success/);
    const status = await succeeds('system', 'status');
    assert.match(status, /^Service apiext \(host-one, http:\/\/127\.0\.0\.1:\d+\): up$/m);
    assert.match(status, /^Service catalog \(host-one, http:\/\/127\.0\.0\.1:\d+\): up$/m);
    assert.match(status, /^Service analyzer \(-, None\): down \(not part of this system\)$/m);
    assert.match(status, /^Engine DB Version: 0\.0\.16$/m);
  });

  test("the last step of the operator's guide", async () => {
    const list = await succeeds('policy', 'list');
    assert.match(list, /^Policy ID +Active +Created +Updated/);
    assert.match(list, new RegExp(`^${DEFAULT_BUNDLE.id} +True +\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ`, 'm'));
    assert.deepEqual(JSON.parse(await succeeds('policy', 'get', DEFAULT_BUNDLE.id, '--detail')), DEFAULT_BUNDLE);
    assert.match(await succeeds('policy', 'get', DEFAULT_BUNDLE.id), /Source: local/);
  });

  test('policies are added, activated and deleted', async () => {
    const file = join(place.folder, 'bundle.json');
    await writeFile(file, JSON.stringify({ ...DEFAULT_BUNDLE, id: 'mine', name: 'ünïcode' }));
    assert.match(await succeeds('policy', 'add', file), /Policy ID: mine/);
    await succeeds('policy', 'activate', 'mine');
    const list = await succeeds('policy', 'list');
    assert.match(list, /^mine +True/m);
    assert.match(list, new RegExp(`^${DEFAULT_BUNDLE.id} +False`, 'm'));
    const active = await cli(['policy', 'del', 'mine']);
    assert.equal(active.code, 1);
    assert.match(active.stdout, /the active one: activate another before/);
    await succeeds('policy', 'activate', DEFAULT_BUNDLE.id);
    await succeeds('policy', 'del', 'mine');
    const gone = await cli(['policy', 'get', 'mine']);
    assert.equal(gone.code, 1);
    assert.match(gone.stdout, /HTTP Code: 404/);
    await writeFile(file, JSON.stringify({ ...DEFAULT_BUNDLE, id: 'mine', mappings: [{ name: 'x' }] }));
    const wrong = await cli(['policy', 'add', file]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /mappings\[0\]\.registry: expected a text; got nothing/);
  });

  test('accounts', async () => {
    assert.match(await succeeds('account', 'list'), /^admin +None +admin +enabled +\d{4}-/m);
    assert.match(await succeeds('account', 'whoami'), /^Username: admin$/m);
    assert.match(await succeeds('--as-account', 'admin', 'policy', 'list'), new RegExp(DEFAULT_BUNDLE.id));
    assert.equal((await cli(['policy', 'list'], { ANCHORE_CLI_PASS: 'wrong' })).code, 2);
    assert.equal((await cli(['--as-account', 'nobody', 'policy', 'list'])).code, 2);
  });

  test('a base URL with a slash at its end', async () => {
    const { code, stdout } = await cli(['policy', 'list'], { ANCHORE_CLI_URL: `${engine.urlOf('apiext')}/v1/` });
    assert.equal(code, 0, stdout);
  });

  test('over TLS', async () => {
    const tls = join(REPOSITORY, 'test/support/tls');
    const config = await place.configure({
      name: 'tls.yaml',
      services: ['apiext'],
      apiext: `    ssl_enable: true\n    ssl_cert: ${tls}/localhost-certificate.pem\n    ssl_key: ${tls}/localhost-key.pem\n`,
    });
    await using secure = await EngineProcess.start(['-c', config]);
    const { code, stdout } = await cli(['--insecure', 'policy', 'list'], {
      ANCHORE_CLI_URL: `${secure.urlOf('apiext')}/v1`,
    });
    assert.equal(code, 0, stdout);
    assert.match(stdout, new RegExp(DEFAULT_BUNDLE.id));
    assert.equal(await secure.end('SIGTERM'), 0);
  });

  test('after a migration the client finds the same policy in the new store', async () => {
    const before = await succeeds('policy', 'get', DEFAULT_BUNDLE.id, '--detail');
    const to = await place.configure({
      name: 'dest-config.yaml',
      archive: `{compression: {enabled: true, min_size_kbytes: 1}, storage_driver: {name: localfs, config: {archive_data_dir: '${join(place.folder, 'documents')}'}}}`,
    });
    assert.equal(await engine.end('SIGTERM'), 0);
    const migrated = await runManager(['archivestorage', 'migrate', from, to, '--dontask']);
    assert.equal(migrated.code, 0, migrated.stderr);
    engine = await EngineProcess.start(['-c', to]);
    assert.match(await succeeds('policy', 'list'), new RegExp(`^${DEFAULT_BUNDLE.id} +True`, 'm'));
    assert.equal(await succeeds('policy', 'get', DEFAULT_BUNDLE.id, '--detail'), before);
  });
});
