import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAppError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { AttemptLimit } from '../../src/engine/auth/attempt-limit.ts';
import { Authenticator } from '../../src/engine/auth/authenticator.ts';
import { hashPassword } from '../../src/engine/auth/password.ts';
import type { UserDirectory } from '../../src/engine/auth/user-directory.ts';
import { basic } from './engine-harness.ts';

const stored: Readonly<Record<string, string>> = {
  hashed: await hashPassword('right'),
  plain: 'right',
  foreign: '$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW',
};

/** Users as a database has them, which takes a moment to answer. */
const directory: UserDirectory = {
  source: 'database',
  findUser: async (name) => {
    await new Promise(setImmediate);
    const credential = stored[name];
    if (credential === undefined) return undefined;
    const account = { name, state: 'enabled', type: 'user', email: null, createdAt: null };
    return { name, type: 'native', createdAt: null, account, credential };
  },
  listAccounts: async () => [],
};

const createLogin = (now?: () => number): ((name: string, password: string, from?: string) => Promise<string>) => {
  const authenticator = new Authenticator(directory, silentLog, now);
  return async (name, password, from = 'here') => {
    try {
      const authorization = basic(name, password);
      await authenticator.authenticate({ authorization, asAccount: undefined, clientAddress: from });
      return 'taken';
    } catch (error) {
      assert.ok(isAppError(error), String(error));
      return error.code;
    }
  };
};

const countOf = (outcomes: readonly string[], outcome: string): number =>
  outcomes.filter((each) => each === outcome).length;

test('of many guesses at once ten are looked at, as of those one after the other', async () => {
  for (const name of Object.keys(stored)) {
    const login = createLogin();
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => login(name, `guess ${index}`)));
    assert.equal(countOf(outcomes, 'request.unauthorized'), 10, name);
    assert.equal(countOf(outcomes, 'request.too-many'), 40, name);
    assert.equal(await login(name, 'right'), 'request.too-many');
    if (name !== 'foreign') assert.equal(await login(name, 'right', 'elsewhere'), 'taken');
  }
  const login = createLogin();
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => login(`nobody ${index}`, 'right')));
  assert.equal(countOf(outcomes, 'request.unauthorized'), 10);
});

test('a client that begins with many requests at once is no guesser', async () => {
  const login = createLogin();
  const outcomes = await Promise.all(Array.from({ length: 200 }, () => login('hashed', 'right')));
  assert.equal(countOf(outcomes, 'taken'), 200);
  // And what was right has not been counted.
  for (let count = 0; count < 9; count += 1) assert.equal(await login('hashed', 'wrong'), 'request.unauthorized');
});

test('a user at work is not locked out by others behind the same address, however long the work takes', async () => {
  let now = 0;
  const login = createLogin(() => now);
  for (now = 0; now <= 200_000; now += 50_000) assert.equal(await login('hashed', 'right'), 'taken');
  now = 240_000;
  await Promise.all(Array.from({ length: 20 }, (_, index) => login('hashed', `guess ${index}`)));
  assert.equal(await login('hashed', 'wrong'), 'request.too-many');
  assert.equal(await login('hashed', 'right'), 'taken');
  // Not for ever: after a minute without use it is a password like any other.
  now = 301_000;
  await Promise.all(Array.from({ length: 20 }, (_, index) => login('hashed', `guess ${index}`)));
  assert.equal(await login('hashed', 'right'), 'request.too-many');
});

test('how long a refusal takes does not tell which users exist, nor how their passwords are kept', async () => {
  const login = createLogin();
  for (const name of [...Object.keys(stored), 'nobody']) {
    const started = performance.now();
    assert.equal(await login(name, 'wrong'), 'request.unauthorized');
    assert.ok(performance.now() - started > 240, name);
  }
});

test('failed attempts are forgotten after a while, and those that did not fail at once', () => {
  let now = 0;
  const limit = new AttemptLimit(() => now);
  for (let attempt = 0; attempt < 10; attempt += 1) limit.count('a');
  assert.equal(limit.waitMs('a'), 60_000);
  assert.equal(limit.waitMs('b'), 0);
  now = 60_000;
  assert.equal(limit.waitMs('a'), 0);
  const giveBack = Array.from({ length: 10 }, () => limit.count('a'));
  assert.equal(limit.waitMs('a'), 60_000);
  for (const each of [...giveBack, ...giveBack].slice(0, 11)) each();
  assert.equal(limit.waitMs('a'), 0);
});
