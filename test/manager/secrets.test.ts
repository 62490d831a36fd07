import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CONFIGURABLE_DRIVERS } from '../../src/drivers/sections.ts';
import { createProgram } from '../../src/manager/command-line/program.ts';
import { startFauxqs, type S3Server } from '../support/fauxqs.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startScriptedServer, type ScriptedRequest, type ScriptedServer } from '../support/scripted-http.ts';
import { startManager } from './running-manager.ts';
import { SecretHunt, SECRETS } from './secret-hunt.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

/**
 * Every command and every way to fail, with secrets that are marked: none may be in anything that is printed, logged, served,
 * journalled, reported, or shown by the process list. A new command joins `COMMANDS`, which has to name all.
 */

let configs: TemporaryConfigs;
let database: TestDatabase;
let role: string;
let s3: S3Server;
let mean: ScriptedServer;
let environment: Readonly<Record<string, string>>;
let files: Readonly<Record<'db' | 's3', string>>;
const hunt = new SecretHunt();

/** A server that refuses, and tells everybody what it was sent. */
const echo =
  (status: number) =>
  ({ method, target, headers, body }: ScriptedRequest) => {
    const sent = `${method} ${target} ${decodeURIComponent(target.replaceAll('%', '%25'))} ${JSON.stringify(headers)} ${body.toString('utf8')}`;
    const escaped = sent.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    return {
      status,
      headers: { 'content-type': 'application/xml', 'x-trans-id': 'tx1' },
      body: `<?xml version="1.0"?><Error><Code>Refused</Code><Message>${escaped}</Message></Error>`,
    };
  };

const flow = (options: object): string => JSON.stringify(options);
const s3Options = (url: string, more: object = {}): string =>
  flow({ bucket: 'bucket', create_bucket: true, access_key: 'AKIAEXAMPLE', secret_key: SECRETS.s3, url, ...more });

before(async () => {
  configs = await createConfigs();
  s3 = await startFauxqs();
  mean = await startScriptedServer(echo(403));
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  role = `marked_${database.name}`;
  await database.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD '${SECRETS.database}'`);
  await database.query(`DELETE FROM archive_metadata WHERE bucket = 'analysis_data'`);
  const url = new URL(database.url);
  url.username = role;
  url.password = encodeURIComponent(SECRETS.database);
  environment = { ANCHORE_DB_CONNECT: url.href };
  files = {
    db: await configs.write('db.secret.yaml', 'db'),
    s3: await configs.write('s3.secret.yaml', 's3', s3Options(s3.url)),
  };
});

after(async () => {
  await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`);
  await database.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER`);
  await database.query(`DROP OWNED BY ${role}`);
  await database.query(`DROP ROLE ${role}`);
  await database.drop();
  await mean[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
  await configs[Symbol.asyncDispose]();
});

/** What a life of two migrations does, in its order; exit codes as an operator would see them. */
const COMMANDS = (): readonly (readonly [exit: number, ...args: readonly string[]])[] => {
  const out = (name: string): string => join(configs.folder, name);
  const { db, s3: bucket } = files;
  return [
    [0, 'list-drivers'],
    [0, 'check', bucket],
    [0, 'plan', db, bucket, '--force'],
    [0, 'precopy', db, bucket, '--force'],
    [2, 'pause', '1'],
    [2, 'limit', '1', '--bandwidth', '1M'],
    [0, 'migrate', db, bucket, '--dontask', '--nodelete', '--force', '--on-finish', `env > '${out('environment')}'`],
    [0, 'list-migrations'],
    [0, 'show-migration', '1', '--failed', '--skipped'],
    [0, 'watch', '1'],
    [0, 'report', '1'],
    [0, 'report', '1', '--output', out('report.html')],
    [0, 'report', '1', '--output', out('report.json')],
    [0, 'support-bundle', '1', '--output', out('bundle.tar.gz')],
    [0, 'verify', bucket],
    [3, 'retry', '1', '--dontask', '--force'],
    [0, 'rollback', '1', '--dontask', '--delete-copies', '--force'],
    [3, 'resume', '1', '--dontask', '--force'],
    [0, 'migrate', db, bucket, '--dontask', '--nodelete', '--force'],
    [0, 'clean', '3', '--dontask', '--force'],
    [0, 'remove-tables', '--dontask'],
  ];
};

/** These have nothing to do with a migration. */
const APART = ['completion', 'help'];

/** Journals and everything else that the tool writes into the database. */
const lookIntoTables = async (): Promise<number> => {
  const tables = await database.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r'
        AND (relname LIKE 'archive_mover%' OR relname IN ('tasks', 'archive_migration_tasks'))`,
  );
  for (const { name } of tables) {
    const rows = await database.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
    hunt.look(`table ${name}`, rows.map(({ text }) => text).join('\n'));
  }
  return tables.length;
};

test('every command that there is', { timeout: 600_000 }, async () => {
  const commands = COMMANDS();
  const group = createProgram(
    () => Promise.resolve(),
    '0',
    () => undefined,
  ).commands.find((command) => command.name() === 'archivestorage');
  const declared = (group?.commands ?? []).map((command) => command.name()).filter((name) => !APART.includes(name));
  assert.deepEqual(new Set(commands.map(([, name]) => name)), new Set(declared));
  let tables = 0;
  for (const [index, [expected, ...args]] of commands.entries()) {
    if (args[0] === 'remove-tables') tables = await lookIntoTables();
    // Each form in turn: what is said at length, as data, into a file.
    const form = [['--debug'], ['--json', '--debug'], ['--log-file', join(configs.folder, 'log'), '--debug']][
      index % 3
    ];
    const { code, text } = await hunt.run([...(form ?? []), 'archivestorage', ...args], environment);
    assert.equal(code, expected, `${args.join(' ')}\n${text}`);
  }
  assert.ok(tables >= 8, `${tables} tables`);
  await hunt.lookIntoFiles(configs.folder, (file) => file.includes('.secret'));
  assert.deepEqual(hunt.found.splice(0), []);
  assert.ok(hunt.looked > commands.length * 2);
});

test('the metrics of a run, and its journal while it runs', async () => {
  await using run = startManager(
    [
      'archivestorage',
      'migrate',
      files.s3,
      files.db,
      '--dontask',
      '--force',
      '--nodelete',
      '--metrics-port',
      '0',
    ].concat('--requests-per-second', '20'),
    environment,
  );
  await run.waitFor('copied', (line) => line['event'] === 'progress' && line['phase'] === 'copying');
  const url = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(run.stderr())?.[0] ?? '';
  const metrics = await (await fetch(url)).text();
  assert.match(metrics, /anchore_migration_documents_planned \d/);
  hunt.look('metrics', metrics);
  await lookIntoTables();
  run.child.kill('SIGINT');
  await run.ended;
  hunt.look('events', JSON.stringify(run.lines));
  hunt.look('log', run.stderr());
  assert.deepEqual(hunt.found.splice(0), []);
});

/** Ways to fail, each as a driver's options and what of the environment is particular. */
const FAILURES = (): readonly (readonly [
  what: string,
  driver: string,
  options: string,
  environment?: Readonly<Record<string, string>>,
])[] => {
  const closed = 'http://127.0.0.1:1';
  const withUser = (url: string): string => url.replace('//', `//user:${SECRETS.url}@`);
  const azure = { container: 'c', account: 'a', account_key: SECRETS.azureKey };
  const swift = { container: 'c', user: 'u', key: SECRETS.swift };
  const keystone = { ...swift, auth_version: '3', os_options: { project_name: 'p' } };
  const proxy = `http://someone:${SECRETS.proxy}@127.0.0.1:1`;
  return [
    ['nobody answers', 's3', s3Options(closed)],
    ['a password in the URL', 's3', s3Options(withUser(closed))],
    ['a URL that is none', 's3', s3Options(withUser('ftp://:x:y'))],
    ['a secret of the wrong kind', 's3', s3Options(closed, { secret_key: [SECRETS.s3] })],
    ['a secret that is unknown as an option', 's3', s3Options(closed, { secret_kye: SECRETS.s3 })],
    ['a session token', 's3', s3Options(mean.url, { session_token: SECRETS.s3Session })],
    ['S3 that tells what it was sent', 's3', s3Options(mean.url)],
    ['a proxy that is not there', 's3', s3Options('http://127.0.0.2:1'), { HTTP_PROXY: proxy, NO_PROXY: '' }],
    ['a proxy that refuses', 's3', s3Options('http://192.0.2.1:1'), { HTTP_PROXY: withProxy(mean.url), NO_PROXY: '' }],
    ['a proxy that is no URL', 's3', s3Options(closed), { HTTP_PROXY: `http//x:${SECRETS.proxy}@` }],
    [
      'keys of the environment',
      's3',
      flow({ bucket: 'bucket', url: mean.url }),
      {
        AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
        AWS_SECRET_ACCESS_KEY: SECRETS.s3,
        AWS_SESSION_TOKEN: SECRETS.s3Session,
      },
    ],
    ['nobody answers', 'swift', flow({ ...swift, auth: `${closed}/auth/v1.0` })],
    ['Swift that tells what it was sent', 'swift', flow({ ...swift, auth: `${mean.url}/auth/v1.0` })],
    ['Keystone that tells what it was sent', 'swift', flow({ ...keystone, auth: `${mean.url}/v3` })],
    ['a password in the URL', 'swift', flow({ ...swift, auth: withUser(`${closed}/auth/v1.0`) })],
    ['nobody answers', 'azure', flow({ ...azure, url: closed })],
    ['Azure that tells what it was sent', 'azure', flow({ ...azure, url: mean.url })],
    ['a signature, told back', 'azure', flow({ container: 'c', url: mean.url, sas_token: SECRETS.azureSas })],
    ['a signature in the URL', 'azure', flow({ container: 'c', url: `${closed}?${SECRETS.azureSas}` })],
    ['a key that is none', 'azure', flow({ ...azure, account_key: `${SECRETS.azureKey}!` })],
    ['an option that no folder has', 'localfs', flow({ archive_data_dir: '/dev/null/folder', secret_key: SECRETS.s3 })],
    ['half a line of YAML', 's3', `{bucket: b, secret_key: "${SECRETS.s3}`],
    ['a line of YAML twice', 's3', `{secret_key: "${SECRETS.s3}", secret_key: "${SECRETS.s3}"}`],
  ];
};

const withProxy = (url: string): string => url.replace('//', `//someone:${SECRETS.proxy}@`);

test('every driver, failing in every way', { timeout: 600_000 }, async () => {
  const failures = FAILURES();
  const concerned = new Set(failures.map(([, driver]) => driver));
  // A table has no secret of its own.
  assert.deepEqual(concerned, new Set(CONFIGURABLE_DRIVERS.filter((driver) => driver !== 'db' && driver !== 'db2')));
  const pending = [...failures.entries()];
  const worker = async (): Promise<void> => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const [index, [what, driver, options, more]] = next;
      const file = await configs.write(`failure-${index}.secret.yaml`, driver, options);
      const command = index % 2 === 0 ? ['check', file] : ['migrate', files.db, file, '--dontask', '--force'];
      const form = index % 3 === 0 ? ['--json', '--debug'] : ['--debug'];
      const { code, text } = await hunt.run([...form, 'archivestorage', ...command], { ...environment, ...more });
      assert.ok(code !== 0 && code !== 1 && code !== null, `${driver}: ${what}: exit ${code}\n${text}`);
    }
  };
  await Promise.all([worker(), worker()]);
  assert.deepEqual(hunt.found.splice(0), []);
});

test('a database that refuses', async () => {
  const secret = encodeURIComponent(SECRETS.database);
  const { host } = new URL(database.url);
  for (const [url, expected] of [
    [`postgresql://nobody:${secret}@${host}/postgres`, 4],
    [`postgresql://u:${secret}@127.0.0.1:1/postgres`, 4],
    [`postgresql://u:${secret}@${host}/no_such_database?application_name=x`, 4],
    [`postgresql://u:${secret}@${host}/postgres?sslmode=${secret}`, 2],
    [`postgresql://u:${SECRETS.database}@[/postgres`, 2],
    [`mysql://u:${secret}@${host}/postgres`, 2],
  ] as const) {
    const { code, text } = await hunt.run(['--debug', '--json', 'archivestorage', 'list-migrations'], {
      ANCHORE_DB_CONNECT: url,
    });
    assert.equal(code, expected, `${url}\n${text}`);
    const typed = await hunt.run(['archivestorage', 'list-migrations', '--db-connect-file', await urlFile(url)], {});
    assert.equal(typed.code, expected, typed.text);
  }
  // What the command line repeats of what it did not understand.
  const { code } = await hunt.run(['archivestorage', 'migrate', '--nodelte'], environment);
  assert.equal(code, 2);
  assert.deepEqual(hunt.found.splice(0), []);
});

let urlFiles = 0;
const urlFile = async (url: string): Promise<string> => {
  const file = join(configs.folder, `url-${(urlFiles += 1)}.secret`);
  await writeFile(file, url);
  return file;
};
