import { type BinaryLike, createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import type { CredentialSource } from './credentials.ts';

/** What `x-amz-content-sha256` says where the body is not part of the signature. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
export const EMPTY_SHA256 = hash('sha256', '');

/** A request as it is signed; names of headers in lower case. */
export interface SignableRequest {
  readonly method: string;
  /** Percent-encoded, exactly as it is sent. */
  readonly path: string;
  /** Not encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Must hold `host` and `x-amz-content-sha256`. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Signer {
  /** The headers of the request together with those that sign it. */
  sign(request: SignableRequest, region: string, now?: Date): Promise<Readonly<Record<string, string>>>;
}

/** Percent-encodes as AWS signature version 4 does: everything but letters, digits and `-_.~`. */
const encodeUri = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** A key as a path: each part encoded once, the slashes as they are. S3 neither normalises nor encodes twice. */
export const encodeKey = (key: string): string => encodeUri(key).replaceAll('%2F', '/');

export const encodeQuery = (query: Readonly<Record<string, string>>): string => {
  const pairs = Object.entries(query).map(([name, value]) => `${encodeUri(name)}=${encodeUri(value)}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
};

/** What proxies add or change, or what says nothing of the request itself: never part of a signature. */
const UNSIGNED_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'connection',
  'expect',
  'from',
  'keep-alive',
  'max-forwards',
  'pragma',
  'referer',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-amzn-trace-id',
]);

const ALGORITHM = 'AWS4-HMAC-SHA256';

const hmac = (key: BinaryLike | KeyObject, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** `20260131T235959Z` */
const timestampOf = (date: Date): string => date.toISOString().replaceAll(/[-:]|\.\d+/g, '');

/** Sorted by name; no name comes twice. */
const canonicalQuery = (query: Readonly<Record<string, string>>): string =>
  Object.entries(query)
    .map(([name, value]): [string, string] => [encodeUri(name), encodeUri(value)])
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');

/**
 * AWS signature version 4, as https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * describes it. The key of a day is derived once, and kept as the one that all its requests use.
 */
export const createSigner = (credentials: CredentialSource): Signer => {
  let derived: { readonly from: string; readonly key: KeyObject } | undefined;
  const keyFor = (secret: string, day: string, region: string): KeyObject => {
    const from = `${day}/${region}/${secret}`;
    if (derived?.from !== from) {
      const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
      derived = { from, key: createSecretKey(Buffer.from(key)) };
    }
    return derived.key;
  };
  return {
    sign: async (request, region, now = new Date()) => {
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials.get();
      const timestamp = timestampOf(now);
      const day = timestamp.slice(0, 8);
      const headers: Record<string, string> = { ...request.headers, 'x-amz-date': timestamp };
      if (sessionToken !== undefined) headers['x-amz-security-token'] = sessionToken;
      const names = Object.keys(headers)
        .filter((name) => !UNSIGNED_HEADERS.has(name))
        .toSorted();
      const lines = names.map((name) => `${name}:${(headers[name] ?? '').trim().replaceAll(/\s+/g, ' ')}\n`).join('');
      const signed = names.join(';');
      const query = canonicalQuery(request.query);
      const contentHash = headers['x-amz-content-sha256'] ?? UNSIGNED_PAYLOAD;
      const canonical = `${request.method}\n${request.path}\n${query}\n${lines}\n${signed}\n${contentHash}`;
      const scope = `${day}/${region}/s3/aws4_request`;
      const text = `${ALGORITHM}\n${timestamp}\n${scope}\n${hash('sha256', canonical)}`;
      const signature = hmac(keyFor(secretAccessKey, day, region), text).toString('hex');
      headers['authorization'] =
        `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
      return headers;
    },
  };
};
