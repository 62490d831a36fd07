import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { AppError } from '../../core/errors.ts';
import type { CredentialSource } from './credentials.ts';
import { type Endpoint, isRegionName } from './endpoint.ts';
import { codeOf, failureError, parseFailure, type S3Failure } from './failure.ts';
import { type AnswerBody, readText, type ResponseHeaders } from '../http/response.ts';
import { requestStream, requestWhole } from '../http/request.ts';
import { EMPTY_SHA256, encodeQuery, type Signer, UNSIGNED_PAYLOAD } from './signing.ts';
import { transportError } from '../http/transport-error.ts';

export type S3Body =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly sha256: string | undefined }
  | {
      readonly kind: 'stream';
      readonly sizeBytes: number;
      readonly sha256?: undefined;
      readonly open: () => AsyncIterable<Uint8Array>;
    };

export interface S3Request {
  /** Amazon's name of the operation, for messages. */
  readonly operation: string;
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket: string;
  readonly key?: string | undefined;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: S3Body;
  readonly signal?: AbortSignal | undefined;
  /** The answer may be long: it is given while it still comes. */
  readonly streamed?: boolean;
}

export interface S3Success {
  readonly ok: true;
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Must be read to its end, or destroyed. */
  readonly body: AnswerBody;
}
export type S3Answer = S3Success | { readonly ok: false; readonly failure: S3Failure };

export interface S3ClientParts {
  readonly transport: Dispatcher;
  readonly endpoint: Endpoint;
  readonly signer: Signer;
  readonly credentials: CredentialSource;
  /** The region to begin with; undefined: the one that Amazon's own clients begin with. */
  readonly region: string | undefined;
  /** The clock that requests are signed by; undefined: the machine's. */
  readonly now?: (() => Date) | undefined;
}

const DEFAULT_REGION = 'us-east-1';
const USER_AGENT = 'anchore-archive-mover';
/** An answer that is read whole: a listing of 1,000 keys of 1,024 bytes, each byte percent-encoded, fits. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
/** Bodies above this are handed over in slices, so that the timer of a slow connection starts again with each. */
const SLICE_BYTES = 256 * 1024;

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) yield bytes.subarray(start, start + SLICE_BYTES);
}

const isRegionFailure = (failure: S3Failure): boolean => codeOf(failure) === 'store.wrong-region';
const isExpired = (failure: S3Failure): boolean =>
  failure.code === 'ExpiredToken' || failure.code === 'TokenRefreshRequired';

/**
 * Signs and sends single requests. It follows a bucket to its region once and remembers it, and has expired credentials
 * renewed once; it never retries otherwise.
 */
export class S3Client {
  readonly #parts: S3ClientParts;
  readonly #regions = new Map<string, string>();

  constructor(parts: S3ClientParts) {
    this.#parts = parts;
  }

  /** The region in which a bucket is addressed at the moment. */
  regionOf(bucket: string): string {
    return this.#regions.get(bucket) ?? this.#parts.region ?? DEFAULT_REGION;
  }

  /** The answer, success or failure. Throws only where the connection fails, or no credentials are to be had. */
  async exchange(request: S3Request): Promise<S3Answer> {
    const region = this.regionOf(request.bucket);
    const answer = await this.#attempt(request, region);
    if (answer.ok || !(await this.#canDoBetter(request, region, answer.failure))) return answer;
    return this.#attempt(request, this.regionOf(request.bucket));
  }

  /** The successful answer. Throws the error that a failure means. */
  async send(request: S3Request): Promise<S3Success> {
    const answer = await this.exchange(request);
    if (answer.ok) return answer;
    throw this.errorOf(answer.failure, request);
  }

  /** The successful answer's body as text. */
  async sendForText(request: S3Request): Promise<{ readonly text: string; readonly headers: ResponseHeaders }> {
    const { body, headers } = await this.send(request);
    return { text: await this.readText(body, request), headers };
  }

  errorOf(failure: S3Failure, request: S3Request): AppError {
    return failureError(failure, describe(request), failure.keyId ?? this.#parts.credentials.keyId());
  }

  async readText(body: AnswerBody, request: S3Request): Promise<string> {
    return readText(body, MAX_TEXT_BYTES, describe(request), request.signal);
  }

  /** `tried`: the region of the failed attempt; of several at once, the first to fail has changed it for all. */
  async #canDoBetter(request: S3Request, tried: string, failure: S3Failure): Promise<boolean> {
    if (isExpired(failure)) return this.#parts.credentials.refresh(failure.keyId);
    const { region } = failure;
    if (!isRegionFailure(failure) && !(request.method === 'HEAD' && failure.status === 400)) return false;
    if (region === undefined || !isRegionName(region) || region === tried) return false;
    this.#regions.set(request.bucket, region);
    return true;
  }

  async #attempt(request: S3Request, region: string): Promise<S3Answer> {
    const { endpoint, signer, transport } = this.#parts;
    const { body, signal } = request;
    const target = endpoint.target(region, request.bucket, request.key);
    const what = `${describe(request)} at ${target.origin}`;
    const query = request.query ?? {};
    const headers = await signer.sign(
      {
        method: request.method,
        path: target.path,
        query,
        headers: {
          ...request.headers,
          'host': target.host,
          'x-amz-content-sha256': body === undefined ? EMPTY_SHA256 : (body.sha256 ?? UNSIGNED_PAYLOAD),
        },
      },
      region,
      this.#parts.now?.(),
    );
    const source: SourceError = {};
    try {
      const outgoing = {
        origin: target.origin,
        path: target.path + encodeQuery(query),
        method: request.method,
        headers: { ...headers, 'user-agent': USER_AGENT, ...lengthOf(body) },
        body: body === undefined ? null : contentOf(body, source),
      };
      const answer = await (request.streamed === true
        ? requestStream(transport, outgoing, signal)
        : requestWhole(transport, outgoing, { maxBytes: MAX_TEXT_BYTES, what }, signal));
      const { status, headers: answered } = answer;
      if (status >= 200 && status < 300) return { ok: true, ...answer };
      const failure = parseFailure(status, answered, await this.readText(answer.body, request));
      return { ok: false, failure: { ...failure, keyId: keyIdIn(headers) } };
    } catch (error) {
      if (source.thrown !== undefined && signal?.aborted !== true) throw source.thrown.error;
      throw transportError(error, what, signal);
    }
  }
}

const lengthOf = (body: S3Body | undefined): Readonly<Record<string, string>> =>
  body === undefined ? {} : { 'content-length': String(body.kind === 'bytes' ? body.bytes.length : body.sizeBytes) };

/** An error of the source itself, told from one of the connection: it reaches the caller as it is. */
interface SourceError {
  thrown?: { readonly error: unknown };
}

async function* watched(chunks: AsyncIterable<Uint8Array>, source: SourceError): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    source.thrown = { error };
    throw error;
  }
}

const contentOf = (body: S3Body, source: SourceError): Uint8Array | Readable => {
  if (body.kind === 'stream') return Readable.from(watched(body.open(), source));
  return body.bytes.length > SLICE_BYTES ? Readable.from(slices(body.bytes)) : body.bytes;
};

/** The access key that signed: by the time of the answer another one may be in use. */
const keyIdIn = (headers: Readonly<Record<string, string>>): string | undefined =>
  /Credential=([^/]+)/.exec(headers['authorization'] ?? '')?.[1];

/** `PutObject s3://bucket/key`. */
export const describe = (request: Pick<S3Request, 'operation' | 'bucket' | 'key'>): string =>
  `${request.operation} s3://${request.bucket}${request.key === undefined ? '' : `/${request.key}`}`;
