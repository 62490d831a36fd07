import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { SecretHunt, SECRETS } from '../manager/secret-hunt.ts';
import { startFauxqs } from '../support/fauxqs.ts';
import { startScriptedServer, type ScriptedRequest } from '../support/scripted-http.ts';
import { createPlace, type EnginePlace, send } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

/**
 * Everything that the service prints, logs or answers, with secrets that are marked: none may be in any of it, nor in the
 * process list.
 */

/** A server that refuses, and tells everybody what it was sent. */
const echo = ({ method, target, headers, body }: ScriptedRequest) => {
  const sent = `${method} ${target} ${JSON.stringify(headers)} ${body.toString('utf8')}`;
  const escaped = sent.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return {
    status: 403,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?><Error><Code>Refused</Code><Message>${escaped}</Message></Error>`,
  };
};

const s3 = (url: string): string =>
  JSON.stringify({
    storage_driver: {
      name: 's3',
      config: { bucket: 'bucket', create_bucket: true, access_key: 'AKIAEXAMPLE', secret_key: SECRETS.s3, url },
    },
  });

const swift = (url: string): string =>
  JSON.stringify({
    storage_driver: {
      name: 'swift',
      config: { container: 'c', auth: `${url}/auth/v1.0`, user: 'u', key: SECRETS.swift, auth_version: '1' },
    },
  });

/** Passwords of the service's own users. */
const [ADMIN_PASSWORD, WRONG_PASSWORD, STORED] = [SECRETS.url, SECRETS.proxy, SECRETS.s3Session];
const more = `default_admin_password: '${ADMIN_PASSWORD}'\n`;

describe('secrets of the service', () => {
  const hunt = new SecretHunt();
  let place: EnginePlace;
  let role = '';
  /** The database as a role whose password is marked. */
  let url: URL;
  before(async () => {
    place = await createPlace();
    role = `marked_${place.database.name}`;
    await place.database.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD '${SECRETS.database}'`);
    url = new URL(place.database.url);
    url.username = role;
    url.password = encodeURIComponent(SECRETS.database);
  });
  after(async () => {
    await place.database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`);
    await place.database.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER`);
    await place.database.query(`DROP OWNED BY ${role}`);
    await place.database.query(`DROP ROLE ${role}`);
    await place[Symbol.asyncDispose]();
  });

  const end = async (engine: EngineProcess, what: string): Promise<void> => {
    hunt.look(`title of ${what}`, await readFile(`/proc/${engine.child.pid}/cmdline`, 'utf8'));
    await engine.end('SIGTERM');
    hunt.look(what, engine.stdout + engine.stderr);
  };

  test('a start that fails, for whatever reason', async () => {
    await using mean = await startScriptedServer(echo);
    const unreachable = new URL(url);
    unreachable.host = '127.0.0.1:1';
    const wrongUser = new URL(url);
    wrongUser.username = 'nobody';
    const wrongDatabase = new URL(url);
    wrongDatabase.pathname = '/nowhere';
    const failures: readonly (readonly [what: string, code: RegExp, archive: string | undefined, database: URL])[] = [
      ['store that refuses', /store\.(denied|credentials|failed)/, s3(mean.url), url],
      ['swift that refuses', /store\.(denied|credentials|failed)/, swift(mean.url), url],
      ['wrong user', /database\.denied/, undefined, wrongUser],
      ['no such database', /database\.\w+/, undefined, wrongDatabase],
    ];
    for (const [what, code, archive, database] of failures) {
      const config = await place.configure({ more, ...(archive !== undefined && { archive }) });
      for (const debug of [[], ['--debug']]) {
        const started = EngineProcess.start(['-c', config, ...debug], {
          environment: { ANCHORE_DB_CONNECT: database.href },
        });
        const failed = await started.then(
          () => assert.fail(`${what}: it started`),
          (error: unknown) => String(error),
        );
        assert.match(failed, code, what);
        hunt.look(what, failed);
      }
    }
    assert.deepEqual(hunt.found, []);
  });

  test('a configuration whose values cannot be used', async () => {
    const config = await place.configure({
      more: `${more}credentials: {database: {db_connect: 'mysql://u:${encodeURIComponent(SECRETS.database)}@h/x'}}\n`,
    });
    const failed = await EngineProcess.start(['-c', config]).then(
      () => assert.fail('it started'),
      (error: unknown) => String(error),
    );
    hunt.look('configuration', failed);
    assert.deepEqual(hunt.found, []);
  });

  test('requests, their log, and answers of every kind', async () => {
    const store = await startFauxqs();
    const config = await place.configure({ more, archive: s3(store.url) });
    const engine = await EngineProcess.start(['-c', config, '--debug'], {
      environment: { ANCHORE_DB_CONNECT: url.href },
    });
    try {
      await place.database.query(`
        INSERT INTO accounts (name, state, type) VALUES ('team', 'enabled', 'user');
        INSERT INTO account_users (username, account_name, type, uuid) VALUES ('tina', 'team', 'native', '1');
        INSERT INTO user_access_credentials (username, type, value) VALUES ('tina', 'password', '${STORED}')`);
      const base = engine.urlOf('apiext');
      const admin = { user: 'admin', password: ADMIN_PASSWORD };
      const ask = async (status: number, method: string, path: string, options: Parameters<typeof send>[3]) => {
        const answer = await send(base, method, path, options);
        assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
        hunt.look(`${method} ${path}: ${status}`, answer.text + JSON.stringify([...answer.headers]));
      };
      await ask(200, 'POST', '/v1/objects/b/x', { ...admin, body: '{"document": 1}' });
      for (const path of ['/v1/account', '/v1/user', '/v1/accounts', '/v1/system', '/metrics', '/v1/policies'])
        await ask(200, 'GET', path, admin);
      await ask(200, 'GET', '/v1/account', { user: 'tina', password: STORED });
      await ask(403, 'GET', '/v1/accounts', { user: 'tina', password: STORED });
      await ask(401, 'GET', '/v1', { user: 'admin', password: WRONG_PASSWORD });
      await ask(400, 'POST', '/v1/objects/b/x', { ...admin, body: 'no JSON' });
      await ask(404, 'GET', '/v1/objects/b/none', admin);
      // The store goes, and then what the database needs.
      await store[Symbol.asyncDispose]();
      await ask(503, 'GET', '/v1/objects/b/x', admin);
      await ask(503, 'POST', '/v1/objects/b/x', { ...admin, body: '{"document": 2}' });
      await place.database.query('DROP TABLE policy_bundle');
      await ask(500, 'GET', '/v1/policies', admin);
    } finally {
      await end(engine, 'a service at work');
    }
    assert.match(engine.stderr, /"status":401/);
    assert.ok(hunt.looked > 20, `${hunt.looked}`);
    assert.deepEqual(hunt.found, []);
  });
});
