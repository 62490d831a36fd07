import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAppError, messageOf } from '../core/errors.ts';
import { redact } from '../core/secrets.ts';
import { type ConnectOptions, parseConnectUrl } from './connect-url.ts';
import { describeParameters, describePlace, type PostgresTarget } from './database-target.ts';

const parse = (text: string, options: Partial<ConnectOptions> = {}): PostgresTarget => {
  const target = parseConnectUrl(text, { place: '--db-connect', environment: {}, ...options });
  assert.equal(target.kind, 'postgres');
  return target as PostgresTarget;
};

const pick = (target: PostgresTarget): unknown[] => [
  target.user,
  target.password,
  target.host,
  target.port,
  target.database,
];

describe('database URLs', () => {
  const FORMS: readonly (readonly [string, readonly unknown[]])[] = [
    ['postgresql://u:p@h:5433/d', ['u', 'p', 'h', 5433, 'd']],
    ['postgres://u:p@h/d', ['u', 'p', 'h', 5432, 'd']],
    [
      'postgresql+pg8000://postgres:postgres.dev@postgres-dev:5432/postgres',
      ['postgres', 'postgres.dev', 'postgres-dev', 5432, 'postgres'],
    ],
    ['postgresql+psycopg2://u:p%40ss%2Fw%23rd@h/d%20b', ['u', 'p@ss/w#rd', 'h', 5432, 'd b']],
    ['postgresql://u:a/b#c?d%zz@h/d', ['u', 'a/b#c?d%zz', 'h', 5432, 'd']],
    ['postgresql://u:a@b@h/d', ['u', 'a@b', 'h', 5432, 'd']],
    ['postgresql://u%40corp:p@[::1]:5433/d', ['u@corp', 'p', '::1', 5433, 'd']],
    ['postgresql://h/d?user=u&password=p', ['u', 'p', 'h', 5432, 'd']],
    ['postgresql://%2Fvar%2Frun%2Fpostgresql/d?user=u', ['u', undefined, '/var/run/postgresql', 5432, 'd']],
    ['postgresql://u:p@/d?host=/var/run/postgresql&port=5433', ['u', 'p', '/var/run/postgresql', 5433, 'd']],
    ['postgresql+pg8000://u:p@/d?unix_sock=/run/pg/.s.PGSQL.5433', ['u', 'p', '/run/pg', 5433, 'd']],
    ['postgresql:///d?host=/tmp&user=u', ['u', undefined, '/tmp', 5432, 'd']],
    ["host=h port=5433 dbname=d user=u password='it\\'s so'", ['u', "it's so", 'h', 5433, 'd']],
    ['host = /tmp  dbname = d user=u', ['u', undefined, '/tmp', 5432, 'd']],
    ['postgresql://u@h', ['u', undefined, 'h', 5432, 'u']],
    ['postgresql://u:p@h:5432/d?target_session_attrs=read-write', ['u', 'p', 'h', 5432, 'd']],
  ];
  for (const [text, expected] of FORMS) {
    test(text, () => assert.deepEqual(pick(parse(text)), expected));
  }

  test('the environment fills in what the URL leaves out, as with libpq', () => {
    const environment = {
      PGHOST: 'eh',
      PGPORT: '5999',
      PGUSER: 'eu',
      PGPASSWORD: 'epass',
      PGDATABASE: 'ed',
      PGSSLMODE: 'require',
      PGAPPNAME: 'a',
    };
    assert.deepEqual(pick(parse('postgresql://', { environment })), ['eu', 'epass', 'eh', 5999, 'ed']);
    const target = parse('postgresql://u@h/d', { environment });
    assert.deepEqual(pick(target), ['u', 'epass', 'h', 5999, 'd']);
    assert.equal(target.tls.mode, 'require');
    assert.equal(target.applicationName, 'a');
  });

  test('the schema comes from each of its names', () => {
    for (const query of [
      'schema=s',
      'currentSchema=s',
      'options=-csearch_path%3Ds',
      'options=-c%20search_path=S,public',
      'options=--search_path=%22s%22',
    ]) {
      assert.equal(parse(`postgresql://u@h/d?${query}`).schema, 's', query);
    }
    const both = parse('postgresql://u@h/d?options=-csearch_path%3Ds%20-c%20lock_timeout%3D5s');
    assert.deepEqual([both.schema, both.serverOptions], ['s', '-c lock_timeout=5s']);
    assert.equal(parse('postgresql://u@h/d').schema, undefined);
  });

  test('sslmode: the default, what is asked for, and --db-use-ssl', () => {
    const modeOf = (text: string, options: Partial<ConnectOptions> = {}): string => parse(text, options).tls.mode;
    assert.equal(modeOf('postgresql://u@h/d'), 'prefer');
    assert.equal(modeOf('postgresql+pg8000://u@h/d'), 'allow');
    assert.equal(modeOf('postgresql://u@h/d?sslmode=verify-full'), 'verify-full');
    assert.equal(modeOf('postgresql://u@h/d?sslmode=disable', { useSsl: true }), 'require');
    assert.equal(modeOf('postgresql://u@h/d?sslmode=verify-ca', { useSsl: true }), 'verify-ca');
    assert.equal(modeOf('postgresql://u@h/d?sslmode=require&sslrootcert=/ca.pem'), 'verify-ca');
    assert.equal(modeOf('postgresql://u@h/d?sslrootcert=system'), 'verify-full');
  });

  test('timeouts and tries', () => {
    const target = parse('postgresql://u@h/d?connect_timeout=7');
    assert.deepEqual([target.connectTimeoutMs, target.statementTimeoutMs, target.connectAttempts], [7000, 30_000, 1]);
    const given = parse('postgresql://u@h/d', {
      connectTimeoutSeconds: 3,
      statementTimeoutSeconds: 4,
      connectAttempts: 5,
    });
    assert.deepEqual([given.connectTimeoutMs, given.statementTimeoutMs, given.connectAttempts], [3000, 4000, 5]);
  });

  test('the embedded database has a folder', () => {
    for (const text of ['embedded:./data', 'pglite:./data', 'embedded://./data']) {
      const target = parseConnectUrl(text, { place: 'x', environment: {} });
      assert.deepEqual(target, { kind: 'embedded', folder: './data', shownUrl: 'embedded:./data' });
    }
  });

  test('wrong ones are refused naming the place, without the password', () => {
    const WRONG = [
      'mysql://u:hunter22@h/d',
      'hunter22',
      'postgresql://u:hunter22@h:port/d',
      'postgresql://u:hunter22@h:70000/d',
      'postgresql://u:hunter22@h/d?sslmode=maybe',
      'postgresql://u:hunter22@h1,h2/d',
      "password=hunter22 host='open",
      'embedded:',
      'service=prod',
    ];
    for (const text of WRONG) {
      assert.throws(
        () => parseConnectUrl(text, { place: 'config.yaml:3 db_connect', environment: {} }),
        (error) =>
          isAppError(error, 'config.invalid') &&
          error.message.startsWith('config.yaml:3 db_connect: ') &&
          !messageOf(error).includes('hunter22'),
        text,
      );
    }
  });
});

describe('what is shown of a database', () => {
  test('the line of the guide', () => {
    const target = parse('postgresql+pg8000://postgres:postgres.dev@postgres-dev:5432/postgres');
    assert.equal(
      describeParameters(target),
      '{"db_pool_size": 30, "db_connect": "postgresql+pg8000://postgres:****@postgres-dev:5432/postgres", ' +
        '"db_connect_args": {"ssl": false, "connect_timeout": 120, "timeout": 30}, "db_pool_max_overflow": 100}',
    );
    assert.equal(describePlace(target), 'postgres@postgres-dev:5432/postgres');
  });

  test('no password, wherever it was written', () => {
    for (const text of [
      'postgresql://u:s3cretpw@h/d',
      'postgresql://u:s3c%72etpw@h/d',
      'postgresql://u:x@s3cretpw@h/d',
      'postgresql://h/d?user=u&password=s3cretpw&sslmode=disable',
      "host=h user=u password='s3cretpw' dbname=d",
    ]) {
      const target = parse(text);
      const shown = `${describeParameters(target)} ${describePlace(target)}`;
      assert.doesNotMatch(shown, /s3c|etpw/, text);
      assert.doesNotMatch(redact(`it is ${target.password}`), /s3c|etpw/);
    }
  });
});
