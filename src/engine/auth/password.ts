import * as crypto from 'node:crypto';
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { MAX_HASH_MEMORY_BYTES, parseStoredCredential, type StoredCredential } from './stored-credential.ts';

const scryptAsync = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

/** OWASP's smallest recommendation for scrypt: 32 MiB of memory, some 60 ms. */
const COST = { N: 2 ** 15, r: 8, p: 3 } as const;
const KEY_BYTES = 32;

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

/** `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`, the form of passlib's hashes with ordinary base64. */
export const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(16);
  const key = await scryptAsync(password, salt, KEY_BYTES, { ...COST, maxmem: MAX_HASH_MEMORY_BYTES });
  return `$scrypt$ln=${Math.log2(COST.N)},r=${COST.r},p=${COST.p}$${base64(salt)}$${base64(key)}`;
};

/** Equal texts, in a time that does not depend on where they differ. */
const equalTexts = (one: string, other: string): boolean => {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
};

type Argon2Credential = Extract<StoredCredential, { readonly kind: 'argon2' }>;

/** On a thread of its own, as scrypt. */
const argon2Async = (password: string, stored: Argon2Credential): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const { algorithm, salt: nonce, parallelism, memoryKib: memory, passes, hash } = stored;
    const parameters = { message: password, nonce, parallelism, memory, passes, tagLength: hash.length };
    crypto.argon2(algorithm, parameters, (error, key) => (error === null ? resolve(key) : reject(error)));
  });

/** Node has Argon2 from 24.7 on, where its OpenSSL has it. */
const HAS_ARGON2 = typeof (crypto as { argon2?: unknown }).argon2 === 'function';

/** `unsupported`: the credential is a hash that cannot be computed here, and so matches no password. */
export type Verification =
  | { readonly outcome: 'right' | 'wrong' }
  | { readonly outcome: 'unsupported'; readonly scheme: string };

const asVerification = (right: boolean): Verification => ({ outcome: right ? 'right' : 'wrong' });

/** Whether `verifyPassword` computes a hash for it, and so takes its time. */
export const isComputed = (stored: string): boolean => {
  const { kind } = parseStoredCredential(stored);
  return kind === 'scrypt' || (kind === 'argon2' && HAS_ARGON2);
};

/**
 * Whether the password is that of a stored credential: an scrypt or Argon2 hash, or the password itself, as Anchore
 * stores it by default.
 */
export const verifyPassword = async (password: string, stored: string): Promise<Verification> => {
  const credential = parseStoredCredential(stored);
  switch (credential.kind) {
    case 'plain':
      return asVerification(equalTexts(password, credential.password));
    case 'scrypt': {
      const { N, r, p, salt, hash } = credential;
      const options = { N, r, p, maxmem: MAX_HASH_MEMORY_BYTES * 2 };
      return asVerification(timingSafeEqual(await scryptAsync(password, salt, hash.length, options), hash));
    }
    case 'argon2':
      if (!HAS_ARGON2) return { outcome: 'unsupported', scheme: credential.algorithm };
      return asVerification(timingSafeEqual(await argon2Async(password, credential), credential.hash));
    case 'unsupported':
      return { outcome: 'unsupported', scheme: credential.scheme };
    default:
      return credential satisfies never;
  }
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
