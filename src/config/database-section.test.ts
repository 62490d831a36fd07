import assert from 'node:assert/strict';
import test from 'node:test';
import { isAppError } from '../core/errors.ts';
import { parseConfigFile } from './config-file.ts';
import { type DatabaseSection, parseDatabaseSection } from './database-section.ts';

const parse = (text: string, environment: Record<string, string> = {}): DatabaseSection | undefined =>
  parseDatabaseSection(parseConfigFile('c.yaml', text, environment));

const file = (connect: string, args: string): string =>
  `credentials:\n  database:\n    db_connect: ${connect}\n    db_connect_args: ${args}\n`;

test('the section of the original, environment and all', () => {
  const section = parse(
    file("'postgresql+pg8000://u:${ANCHORE_DB_PASSWORD}@h:5432/d'", '{timeout: 30, ssl: ${ANCHORE_SSL}}'),
    {
      ANCHORE_DB_PASSWORD: 'pass@word',
      ANCHORE_SSL: 'True',
    },
  );
  assert.equal(section?.connect, 'postgresql+pg8000://u:pass@word@h:5432/d');
  assert.equal(section.args.ssl, true);
  assert.equal(section.args.timeoutSeconds, 30);
  assert.deepEqual(section.forDisplay, {
    db_connect: 'postgresql+pg8000://u:****@h:5432/d',
    db_connect_args: { timeout: 30, ssl: true },
  });
});

test('words of libpq, and numbers given as text', () => {
  const section = parse(
    file('postgresql://h/d', "{sslmode: verify-full, sslrootcert: /ca.pem, connect_timeout: '120', ssl: ''}"),
  );
  assert.deepEqual(section?.args, {
    ssl: undefined,
    sslMode: 'verify-full',
    sslRootCertFile: '/ca.pem',
    sslCertFile: undefined,
    sslKeyFile: undefined,
    timeoutSeconds: undefined,
    connectTimeoutSeconds: 120,
  });
});

test('a file without a database names none', () => {
  for (const text of ['a: 1', 'credentials:', 'credentials: {users: {}}', 'credentials: {database: {db_connect: }}'])
    assert.equal(parse(text), undefined, text);
});

test('what is wrong is named with its line; an unset variable too, and no password', () => {
  const failure = (text: string): string => {
    try {
      parse(text);
    } catch (error) {
      assert.ok(isAppError(error, 'config.invalid'), String(error));
      return error.message;
    }
    throw new Error('no error');
  };
  assert.equal(
    failure(file('postgresql://u:hidden-one@h/d', '{ssl: sometimes}')),
    'c.yaml:4 credentials.database.db_connect_args.ssl: expected true or false; got "sometimes"',
  );
  assert.match(failure(file('postgresql://u:${ANCHORE_DB_PASSWORD}@h/d', '{}')), /^c\.yaml:3 .*ANCHORE_DB_PASSWORD/);
  assert.match(failure(file('[postgresql://u:hidden-one@h/d]', '{}')), /expected a database URL; got a list$/);
});
