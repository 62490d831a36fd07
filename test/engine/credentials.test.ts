import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPassword, hashPassword, verifyPassword } from '../../src/engine/auth/password.ts';
import { createPlace, send, startIn, urlOf } from './engine-harness.ts';

const PASSWORD = 'pässword of another';

/** Made by argon2-cffi 25.1.0, as the original makes them: the first with its own parameters. */
const ARGON2 = [
  '$argon2id$v=19$m=65536,t=3,p=4$awK8RLYIRHGzB8GLubjDiw$AgekntzhBEHovD4u6EzMoBQEjB6nF/+nW3VH4kf7eGE',
  '$argon2id$v=19$m=1024,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$t7NbR+obpf0vSprtR2E9TP9FWW29GqWVPxSfTRm5A8o',
  '$argon2i$v=19$m=1024,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$OJ2dyDyvxagWEOEsC44UwYtah0V0unKU4TQVGqsB8Fc',
  '$argon2d$v=19$m=1024,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$MinpK1/xWgoGD3WfFPcfw9y2xpgV6X72WGNbkrauOzU',
];

/** Other schemes, and forms of ours that ask for too much, too little, or what is not supported. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  '$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW': '2b',
  '$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/': '6',
  '$pbkdf2-sha256$29000$9t7be09prfXee2/NOUeotQ$Y.RDnnq8vsezSZSKy1QNy6xhKPdoBIwc.0XDdRm9sJ8': 'pbkdf2-sha256',
  '$scrypt$ln=40,r=99,p=99$AAAA$AAAAAAAA': 'scrypt',
  '$scrypt$ln=15,r=8,p=3$AAAA$A': 'scrypt',
  '$argon2id$m=1024,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$t7NbR+obpf0vSprtR2E9TP9FWW29GqWVPxSfTRm5A8o': 'argon2id',
  '$argon2id$v=16$m=1024,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$t7NbR+obpf0vSprtR2E9TP9FWW29GqWVPxSfTRm5A8o': 'argon2id',
  '$argon2id$v=19$m=4294967295,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$t7NbR+obpf0vSprtR2E9TA': 'argon2id',
  '$argon2id$v=19$m=1024,t=4294967295,p=1$MDEyMzQ1Njc4OWFiY2RlZg$t7NbR+obpf0vSprtR2E9TA': 'argon2id',
  '$argon2id$v=19$m=8,t=1,p=2$MDEyMzQ1Njc4OWFiY2RlZg$t7NbR+obpf0vSprtR2E9TA': 'argon2id',
  '$argon2id$v=19$m=1024,t=2,p=2$MDEy$t7NbR+obpf0vSprtR2E9TA': 'argon2id',
  '$argon2id$v=19$m=1024,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$A': 'argon2id',
};

const outcomeOf = async (password: string, stored: string): Promise<string> =>
  (await verifyPassword(password, stored)).outcome;

test('our own hashes, and passwords', async () => {
  const hash = await hashPassword('pässword');
  assert.equal(await outcomeOf('pässword', hash), 'right');
  assert.equal(await outcomeOf('password', hash), 'wrong');
  assert.equal(await outcomeOf(hash, hash), 'wrong');
  assert.equal(await outcomeOf('plain', 'plain'), 'right');
  assert.equal(await outcomeOf('$5 is not much', '$5 is not much'), 'right');
  const passwords = new Set(Array.from({ length: 50 }, createPassword));
  assert.equal(passwords.size, 50);
  for (const password of passwords) assert.match(password, /^[A-Za-z2-9]{24}$/);
});

test('hashes of Argon2 that another implementation has made', async () => {
  for (const stored of ARGON2) {
    assert.equal(await outcomeOf(PASSWORD, stored), 'right', stored);
    assert.equal(await outcomeOf(`${PASSWORD} `, stored), 'wrong', stored);
    assert.equal(await outcomeOf(stored, stored), 'wrong', stored);
  }
});

test('a hash that cannot be computed matches nothing, itself least of all', async () => {
  for (const [stored, scheme] of Object.entries(UNSUPPORTED))
    assert.deepEqual(await verifyPassword(stored, stored), { outcome: 'unsupported', scheme }, stored);
});

test('users whose passwords the original has hashed log in; the hash itself opens nothing, and is logged nowhere', async () => {
  await using place = await createPlace();
  const lines: string[] = [];
  await using engine = await startIn(await place.configure(), {}, lines);
  const url = urlOf(engine);
  const [argon2 = ''] = ARGON2;
  const [bcrypt = ''] = Object.keys(UNSUPPORTED);
  for (const [user, stored] of [
    ['anna', argon2],
    ['bert', bcrypt],
  ] as const) {
    await place.database.query(`
      INSERT INTO accounts (name, state, type) VALUES ('${user}', 'enabled', 'user');
      INSERT INTO account_users (username, account_name, type, uuid) VALUES ('${user}', '${user}', 'native', '${user}');
      INSERT INTO user_access_credentials (username, type, value) VALUES ('${user}', 'password', '${stored}')`);
  }
  const statusOf = async (user: string, password: string): Promise<number> =>
    (await send(url, 'GET', '/v1', { user, password })).status;
  assert.equal(await statusOf('anna', PASSWORD), 200);
  assert.equal(await statusOf('anna', argon2), 401);
  assert.equal(await statusOf('bert', bcrypt), 401);
  const said = lines.filter((line) => line.includes('of the scheme'));
  assert.equal(said.length, 1, lines.join(''));
  assert.match(said.join(''), /the password of user \\"bert\\" is stored as a hash of the scheme 2b,/);
  for (const stored of [argon2, bcrypt]) assert.ok(!lines.some((line) => line.includes(stored)));
});
