import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { CredentialSource } from './credentials.ts';

/** What `x-amz-content-sha256` says where the body is not part of the signature. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
export const EMPTY_SHA256 = createHash('sha256').digest('hex');

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

type HashInput = string | ArrayBuffer | ArrayBufferView;

const viewOf = (data: HashInput): string | Uint8Array => {
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
};

/** Node's own SHA-256 and HMAC in the form that the signing library asks for. */
class NodeSha256 {
  #hash: Hash | Hmac;
  readonly #secret: HashInput | undefined;

  constructor(secret?: HashInput) {
    this.#secret = secret;
    this.#hash = NodeSha256.#start(secret);
  }

  static #start(secret: HashInput | undefined): Hash | Hmac {
    return secret === undefined ? createHash('sha256') : createHmac('sha256', viewOf(secret));
  }

  update(data: HashInput): void {
    this.#hash.update(viewOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = NodeSha256.#start(this.#secret);
  }
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

export const createSigner = (credentials: CredentialSource): Signer => {
  const signature = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    credentials: () => credentials.get(),
    sha256: NodeSha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  return {
    sign: async (request, region, now) => {
      const signed = await signature.sign(
        { ...request, headers: { ...request.headers }, query: { ...request.query }, protocol: 'https:', hostname: '' },
        { signingRegion: region, ...(now && { signingDate: now }) },
      );
      return signed.headers;
    },
  };
};
