import { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { AppError, isAppError } from '../../core/errors.ts';
import { isJsonMap, type Json, parseExactJson } from '../../core/json.ts';
import type { Settings } from '../settings.ts';
import { answerError, FailedAnswer } from './failed-answer.ts';
import { retryReading } from './retry.ts';
import { transportError } from './transport-error.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A body that can be opened again for each request that sends it. */
export interface Body {
  readonly contentType: string;
  readonly open: () => Readable | Uint8Array | string;
  /** undefined where it is only known at the end. */
  readonly sizeBytes: number | undefined;
}

export interface ServiceOptions {
  readonly settings: Settings;
  readonly dispatcher: Dispatcher;
  readonly version: string;
  readonly signal: AbortSignal;
  /** Told of each request, for --debug; never of headers or bodies. */
  readonly observe: (line: string) => void;
}

/** A path below the base URL, from its names: each is one part of the path, whatever characters it holds. */
export const pathOf = (...names: readonly string[]): string =>
  names.map((name) => `/${encodeURIComponent(name)}`).join('');

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** JSON as one body. */
export const jsonBody = (text: string): Body => ({
  contentType: 'application/json',
  open: () => text,
  sizeBytes: Buffer.byteLength(text),
});

/** Speaks to one service as one user. Every failure is an AppError; one of an answer has a FailedAnswer as its cause. */
export class Service implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #dispatcher: Dispatcher;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #observe: (line: string) => void;
  readonly signal: AbortSignal;

  constructor({ settings, dispatcher, version, signal, observe }: ServiceOptions) {
    this.#settings = settings;
    this.#dispatcher = dispatcher;
    this.#observe = observe;
    this.signal = signal;
    const credentials = Buffer.from(`${settings.user}:${settings.password}`).toString('base64');
    this.#headers = {
      'authorization': `Basic ${credentials}`,
      'user-agent': `anchore-cli/${version}`,
      ...(settings.account !== undefined && { 'x-anchore-account': settings.account }),
    };
  }

  /** The base URL, for a person. */
  get url(): string {
    return this.#settings.url.href;
  }

  /** Throws where the service is not there, is not the one that was meant, or does not let this user in. */
  async checkAccess(): Promise<void> {
    try {
      await this.get('');
    } catch (error) {
      if (!isAppError(error)) throw error;
      const answer = error.cause instanceof FailedAnswer ? error.cause : undefined;
      // A 404 without a word comes from something else than this API.
      const isElsewhere = answer?.status === 404 && !isJsonMap(answer.body);
      const why = error.message.replace(`GET ${this.url}: `, '');
      throw new AppError(
        isElsewhere ? 'service.failed' : error.code,
        `could not access the service (user=${this.#settings.user} url=${this.url}): ${why}`,
        {
          cause: answer?.denyingAccess() ?? error.cause,
          retryable: error.retryable,
          remedy: isElsewhere ? 'Check the URL: the API lies below /v1 of the service apiext.' : error.remedy,
        },
      );
    }
  }

  /** The JSON that a GET answers. */
  async get(path: string): Promise<Json> {
    return retryReading(
      async () => this.#parse(await this.#request('GET', path), `GET ${this.url}${path}`),
      this.signal,
    );
  }

  /** The same, as what it has to be. */
  async getAs<T>(path: string, schema: z.ZodType<T>): Promise<{ readonly answer: Json; readonly value: T }> {
    const answer = await this.get(path);
    return { answer, value: this.check(answer, schema, path) };
  }

  /** The JSON that any other request answers; it is sent once. */
  async send(method: Exclude<Method, 'GET'>, path: string, body?: Body): Promise<Json> {
    return this.#parse(await this.#request(method, path, body), `${method} ${this.url}${path}`);
  }

  /** The body of an answer, as it comes. Errors of the connection are told as `service.*`. */
  async download(
    path: string,
  ): Promise<{ readonly sizeBytes: number | undefined; readonly chunks: AsyncIterable<Uint8Array> }> {
    const { body, headers } = await this.#request('GET', path);
    const length = first(headers['content-length']);
    const { signal } = this;
    const what = `GET ${this.url}${path}`;
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of body) yield chunk as Uint8Array;
      } catch (error) {
        throw transportError(error, what, signal);
      }
    };
    return { sizeBytes: length === undefined ? undefined : Number(length), chunks: chunks() };
  }

  /** Throws `service.failed` where the answer is not what the API promises. */
  check<T>(answer: Json, schema: z.ZodType<T>, path: string): T {
    const result = schema.safeParse(answer);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw new AppError(
      'service.failed',
      `${this.url}${path}: the answer is not what was expected (${issue?.path.join('.')}: ${issue?.message})`,
      { remedy: 'Check that the URL names an Anchore Engine.' },
    );
  }

  async #request(method: Method, path: string, body?: Body): Promise<Dispatcher.ResponseData> {
    const { url } = this.#settings;
    const what = `${method} ${this.url}${path}`;
    const content = body?.open();
    const startedMs = performance.now();
    const observe = (result: string): void =>
      this.#observe(`${what}: ${result}, ${Math.round(performance.now() - startedMs)} ms`);
    let answer: Dispatcher.ResponseData;
    try {
      answer = await this.#dispatcher.request({
        origin: url.origin,
        // As it is: a URL's own rules would take `.` and `..` out of names.
        path: url.pathname + path,
        method,
        headers: {
          ...this.#headers,
          'content-type': body?.contentType ?? 'application/json',
          ...(body?.sizeBytes !== undefined && { 'content-length': String(body.sizeBytes) }),
        },
        signal: this.signal,
        ...(content !== undefined && { body: content }),
      });
    } catch (error) {
      if (content instanceof Readable) content.destroy();
      observe('failed');
      throw transportError(error, what, this.signal);
    }
    observe(`HTTP ${answer.statusCode}`);
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    throw answerError({
      what,
      status: answer.statusCode,
      text: await this.#readText(answer, what),
      requestId: first(answer.headers['x-request-id']),
      location: first(answer.headers['location']),
      retryAfter: first(answer.headers['retry-after']),
    });
  }

  async #parse(answer: Dispatcher.ResponseData, what: string): Promise<Json> {
    const text = await this.#readText(answer, what);
    // Other services answer a DELETE with nothing.
    if (text === '') return null;
    try {
      return parseExactJson(text);
    } catch (cause) {
      throw new AppError('service.failed', `${what}: the answer is not JSON`, {
        cause,
        remedy: 'Check that the URL names an Anchore Engine.',
      });
    }
  }

  async #readText(answer: Dispatcher.ResponseData, what: string): Promise<string> {
    try {
      return await readText(answer.body);
    } catch (error) {
      throw transportError(error, what, this.signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy();
  }
}
