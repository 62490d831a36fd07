import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const scryptAsync = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

/** OWASP's smallest recommendation for scrypt: 32 MiB of memory, some 60 ms. */
const COST = { N: 2 ** 15, r: 8, p: 3 } as const;
/** Hashes that ask for more than this are not computed: a row could otherwise stop the service. */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
const KEY_BYTES = 32;

const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`, the form of passlib's hashes with ordinary base64. */
export const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(16);
  const key = await scryptAsync(password, salt, KEY_BYTES, { ...COST, maxmem: MAX_MEMORY_BYTES });
  return `$scrypt$ln=${Math.log2(COST.N)},r=${COST.r},p=${COST.p}$${base64(salt)}$${base64(key)}`;
};

/** Equal texts, in a time that does not depend on where they differ. */
const equalTexts = (one: string, other: string): boolean => {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
};

/** Whether the password is that of a stored credential: one of our hashes, or the password itself, as Anchore stores it. */
export const verifyPassword = async (password: string, stored: string): Promise<boolean> => {
  const match = FORM.exec(stored);
  if (match === null) return equalTexts(password, stored);
  const [N, r, p] = [2 ** Number(match[1]), Number(match[2]), Number(match[3])];
  const expected = Buffer.from(match[5] ?? '', 'base64');
  if (128 * N * r + 128 * r * p > MAX_MEMORY_BYTES) return false;
  const key = await scryptAsync(password, Buffer.from(match[4] ?? '', 'base64'), expected.length, {
    N,
    r,
    p,
    maxmem: MAX_MEMORY_BYTES,
  });
  return timingSafeEqual(key, expected);
};

/** 24 letters and digits that can be selected with a double click: 142 bits. */
export const createPassword = (): string => {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';
  const bytes = randomBytes(96);
  const good = [...bytes].filter((byte) => byte < Math.floor(256 / letters.length) * letters.length);
  return good
    .map((byte) => letters[byte % letters.length])
    .slice(0, 24)
    .join('');
};
