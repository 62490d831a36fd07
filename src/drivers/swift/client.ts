import { Readable } from 'node:stream';
import { AppError } from '../../core/errors.ts';
import { requestStream, requestWhole } from '../http/request.ts';
import { type AnswerBody, readText, type ResponseHeaders } from '../http/response.ts';
import { transportError } from '../http/transport-error.ts';
import { type Access, authenticate, type AuthenticationRequest, userOf } from './authentication.ts';
import { failureError, parseFailure, type SwiftFailure } from './failure.ts';
import { pathOf } from './object-url.ts';

export type SwiftBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'stream'; readonly sizeBytes: number; readonly open: () => AsyncIterable<Uint8Array> }
  /** A piece of a stream that is being read: it cannot be sent a second time. */
  | { readonly kind: 'once'; readonly sizeBytes: number; readonly chunks: AsyncIterable<Uint8Array> };

export interface SwiftRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Without one the account itself is meant. */
  readonly container?: string;
  readonly name?: string | undefined;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: SwiftBody;
  readonly signal?: AbortSignal | undefined;
}

export interface SwiftSuccess {
  readonly ok: true;
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** Must be read to its end, or destroyed. */
  readonly body: AnswerBody;
}
export type SwiftAnswer = SwiftSuccess | { readonly ok: false; readonly failure: SwiftFailure };

const USER_AGENT = 'anchore-archive-mover';
/** An answer that is read whole: a listing of 10,000 names of 1,024 bytes, each escaped, fits. */
const MAX_TEXT_BYTES = 96 * 1024 * 1024;
/** Bodies above this are handed over in slices, so that the timer of a slow connection starts again with each. */
const SLICE_BYTES = 256 * 1024;

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) yield bytes.subarray(start, start + SLICE_BYTES);
}

const lengthOf = (body: SwiftBody): number => (body.kind === 'bytes' ? body.bytes.length : body.sizeBytes);

/** Where a body is to come from breaks, that is told apart from a connection that does. */
interface SourceFailure {
  error?: unknown;
}

async function* recordFailure(chunks: AsyncIterable<Uint8Array>, failure: SourceFailure): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    failure.error = error;
    throw error;
  }
}

const contentOf = (body: SwiftBody, failure: SourceFailure): Uint8Array | Readable => {
  const readable = (chunks: AsyncIterable<Uint8Array>): Readable =>
    Readable.from(recordFailure(chunks, failure), { objectMode: false });
  switch (body.kind) {
    case 'bytes':
      return body.bytes.length > SLICE_BYTES ? readable(slices(body.bytes)) : body.bytes;
    case 'stream':
      return readable(body.open());
    case 'once':
      return readable(body.chunks);
  }
};

/** `PUT swift://container/name`. */
export const describe = (request: SwiftRequest): string =>
  `${request.method} swift://${request.container ?? ''}${request.name === undefined ? '' : `/${request.name}`}`;

/**
 * Sends single requests to one account. A token that is no longer accepted is renewed once per request; nothing else is
 * ever sent twice.
 */
export class SwiftClient {
  readonly #authentication: AuthenticationRequest;
  #access: Promise<Access> | undefined;

  constructor(authentication: AuthenticationRequest) {
    this.#authentication = authentication;
  }

  get user(): string {
    return userOf(this.#authentication.auth);
  }

  /** The token and the storage URL; requests that run at the same time share one authentication. */
  async access(signal?: AbortSignal): Promise<Access> {
    if (signal?.aborted === true) throw transportError(signal.reason, 'authentication', signal);
    this.#access ??= authenticate(this.#authentication).catch((error: unknown) => {
      this.#access = undefined;
      throw error;
    });
    return this.#access;
  }

  /** The answer, success or failure. Throws only where the connection or the authentication fails. */
  async exchange(request: SwiftRequest): Promise<SwiftAnswer> {
    const access = await this.access(request.signal);
    const answer = await this.#attempt(request, access);
    if (answer.ok || answer.failure.status !== 401 || this.#authentication.auth.version === 'token') return answer;
    // Only if no other request has renewed it in the meantime.
    if ((await this.#access?.catch(() => undefined)) === access) this.#access = undefined;
    const renewed = await this.access(request.signal);
    if (request.body?.kind === 'once') {
      throw new AppError('store.credentials', `${describe(request)}: the token ran out; it was renewed`, {
        retryable: true,
      });
    }
    return this.#attempt(request, renewed);
  }

  /** The successful answer. Throws the error that a failure means. */
  async send(request: SwiftRequest): Promise<SwiftSuccess> {
    const answer = await this.exchange(request);
    if (answer.ok) return answer;
    throw this.errorOf(answer.failure, request);
  }

  /** The successful answer with its body, or the failure: for everything but the reading of objects. */
  async exchangeText(
    request: SwiftRequest,
  ): Promise<(SwiftSuccess & { readonly text: string }) | (SwiftAnswer & { readonly ok: false })> {
    const answer = await this.exchange(request);
    if (!answer.ok) return answer;
    return { ...answer, text: await readText(answer.body, MAX_TEXT_BYTES, describe(request), request.signal) };
  }

  async sendText(request: SwiftRequest): Promise<SwiftSuccess & { readonly text: string }> {
    const answer = await this.exchangeText(request);
    if (answer.ok) return answer;
    throw this.errorOf(answer.failure, request);
  }

  errorOf(failure: SwiftFailure, request: SwiftRequest): AppError {
    return failureError(failure, describe(request), this.user);
  }

  /** What the cluster says of itself, unauthenticated; undefined where it does not. */
  async findInfo(signal?: AbortSignal): Promise<string | undefined> {
    const { storageUrl } = await this.access(signal);
    const { origin, pathname } = new URL(storageUrl);
    const what = `GET ${origin}/info`;
    try {
      const path = `${pathname.replace(/\/v1(\.0)?(\/.*)?$/, '')}/info`;
      const response = await this.#authentication.transport.request({
        origin,
        path,
        method: 'GET',
        ...(signal && { signal }),
      });
      const text = await readText(response.body, MAX_TEXT_BYTES, what, signal);
      return response.statusCode === 200 ? text : undefined;
    } catch (error) {
      throw transportError(error, what, signal);
    }
  }

  async #attempt(request: SwiftRequest, access: Access): Promise<SwiftAnswer> {
    const { body, container, name, signal } = request;
    const { origin, pathname } = new URL(access.storageUrl);
    const query = new URLSearchParams(request.query).toString();
    const source: SourceFailure = {};
    const path =
      pathname + (container === undefined ? '' : pathOf(container, name)) + (query === '' ? '' : `?${query}`);
    try {
      const { transport } = this.#authentication;
      const outgoing = {
        origin,
        path,
        method: request.method,
        headers: {
          'user-agent': USER_AGENT,
          ...request.headers,
          'x-auth-token': access.token,
          ...(body !== undefined && { 'content-length': String(lengthOf(body)) }),
        },
        body: body === undefined ? null : contentOf(body, source),
      };
      // Objects are read while they come; all other answers are short.
      const isObject = request.method === 'GET' && name !== undefined;
      const answer = await (isObject
        ? requestStream(transport, outgoing, signal)
        : requestWhole(transport, outgoing, { maxBytes: MAX_TEXT_BYTES, what: describe(request) }, signal));
      const { status, headers } = answer;
      if (status >= 200 && status < 300) return { ok: true, ...answer };
      const text = await readText(answer.body, MAX_TEXT_BYTES, describe(request), signal);
      return { ok: false, failure: parseFailure(status, headers, text) };
    } catch (error) {
      if ('error' in source && signal?.aborted !== true) throw source.error;
      throw transportError(error, `${describe(request)} at ${origin}`, signal);
    }
  }
}
