/** What a row or a configuration keeps of a password. */
export type StoredCredential =
  | { readonly kind: 'plain'; readonly password: string }
  | {
      readonly kind: 'scrypt';
      readonly N: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    }
  | {
      readonly kind: 'argon2';
      readonly algorithm: 'argon2id' | 'argon2i' | 'argon2d';
      readonly memoryKib: number;
      readonly passes: number;
      readonly parallelism: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    }
  /** A hash that cannot be computed here. `scheme` is what names it, and nothing of the hash itself. */
  | { readonly kind: 'unsupported'; readonly scheme: string };

/** `$2b$`, `$argon2id$`, `$6$`, `$pbkdf2-sha256$`: what crypt(3), passlib and the PHC string format begin with. */
const SCHEME = /^\$([A-Za-z0-9_-]{1,32})\$/;
const SCRYPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
/** As argon2-cffi writes it, and so the original where it is told to hash. Source: the PHC string format. */
const ARGON2 =
  /^\$(argon2id|argon2i|argon2d)\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Hashes that ask for more than this are not computed: a row could otherwise stop the service. */
export const MAX_HASH_MEMORY_BYTES = 256 * 1024 * 1024;
/** Memory times passes: some 4 seconds of a processor. */
const MAX_ARGON2_WORK_KIB = 4 * 1024 * 1024;
/** The shortest that Argon2 itself allows. Less, or nothing, would be guessed, or match everything. */
const MIN_HASH_BYTES = 4;
const MAX_HASH_BYTES = 512;
const MIN_ARGON2_SALT_BYTES = 8;

const isHash = ({ length }: Buffer): boolean => length >= MIN_HASH_BYTES && length <= MAX_HASH_BYTES;

const parseScrypt = (stored: string): StoredCredential | undefined => {
  const [, ln, r, p, salt, hash] = SCRYPT.exec(stored) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parsed = {
    kind: 'scrypt',
    N: 2 ** Number(ln),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  } as const;
  const memoryBytes = 128 * parsed.N * parsed.r + 128 * parsed.r * parsed.p;
  if (parsed.N < 2 || parsed.r < 1 || parsed.p < 1 || memoryBytes > MAX_HASH_MEMORY_BYTES) return undefined;
  return isHash(parsed.hash) ? parsed : undefined;
};

const parseArgon2 = (stored: string): StoredCredential | undefined => {
  const [, algorithm, memory, passes, parallelism, salt, hash] = ARGON2.exec(stored) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parsed = {
    kind: 'argon2',
    algorithm: algorithm as 'argon2id' | 'argon2i' | 'argon2d',
    memoryKib: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  } as const;
  const possible =
    parsed.parallelism >= 1 &&
    parsed.passes >= 1 &&
    parsed.memoryKib >= 8 * parsed.parallelism &&
    parsed.salt.length >= MIN_ARGON2_SALT_BYTES &&
    isHash(parsed.hash);
  const bearable =
    parsed.memoryKib * 1024 <= MAX_HASH_MEMORY_BYTES && parsed.memoryKib * parsed.passes <= MAX_ARGON2_WORK_KIB;
  return possible && bearable ? parsed : undefined;
};

/**
 * Tells hashes from passwords. Whatever looks like the hash of some scheme is never a password: who has read it could
 * otherwise log in by sending it.
 */
export const parseStoredCredential = (stored: string): StoredCredential => {
  const scheme = SCHEME.exec(stored)?.[1];
  if (scheme === undefined) return { kind: 'plain', password: stored };
  return parseScrypt(stored) ?? parseArgon2(stored) ?? { kind: 'unsupported', scheme };
};
