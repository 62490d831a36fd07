import type { Dispatcher } from 'undici';
import type { IncomingHttpHeaders } from 'undici/types/header.js';
import { AppError } from '../../core/errors.ts';
import { type AnswerBody, firstValues, type ResponseHeaders } from './response.ts';

/** An answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: AnswerBody;
}

/** The bytes of an answer that has come to its end. */
class ReceivedBody implements AnswerBody {
  readonly #pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield* this.#pieces;
  }

  bytes(): Promise<Uint8Array> {
    return Promise.resolve(Buffer.concat(this.#pieces));
  }

  dump(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {}
}

/**
 * Sends a request whose answer is short, and receives all of it: without a stream for each answer, which costs more than
 * everything else that a client does for a small object. Throws what the connection threw, the signal's reason when that
 * fires, and `store.failed` where the answer is longer than `maxBytes`.
 *
 * undici closes a connection after each HEAD, for servers that send a body where none belongs. Here it stays open unless
 * the answer announces one in pieces, as OpenStack Swift's `s3api` does (and sends its end).
 */
export const requestWhole = (
  transport: Dispatcher,
  request: Dispatcher.DispatchOptions,
  limit: { readonly maxBytes: number; readonly what: string },
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let answered: IncomingHttpHeaders = {};
    const pieces: Uint8Array[] = [];
    let sizeBytes = 0;
    const fail = (error: Error): void => {
      signal?.removeEventListener('abort', onAbort);
      reject(error);
    };
    const succeed = (): void => {
      signal?.removeEventListener('abort', onAbort);
      resolve({ status, headers: firstValues(answered), body: new ReceivedBody(pieces) });
    };
    const onAbort = (): void => {
      fail(signal?.reason as Error);
      controller?.abort(signal?.reason as Error);
    };
    if (signal?.aborted === true) return reject(signal.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    const isHead = request.method === 'HEAD';
    transport.dispatch(isHead ? { ...request, reset: false } : request, {
      onRequestStart: (started) => {
        controller = started;
        if (signal?.aborted === true) started.abort(signal.reason as Error);
      },
      onResponseStart: (started, statusCode, headers) => {
        if (statusCode < 200) return;
        status = statusCode;
        answered = headers;
        if (!isHead || headers['transfer-encoding'] === undefined) return;
        succeed();
        started.abort(new Error('the answer to HEAD announces a body'));
      },
      onResponseData: (started, chunk) => {
        sizeBytes += chunk.length;
        if (sizeBytes <= limit.maxBytes) return void pieces.push(chunk);
        const error = new AppError('store.failed', `${limit.what}: the answer is longer than ${limit.maxBytes} bytes`);
        fail(error);
        started.abort(error);
      },
      onResponseEnd: succeed,
      onResponseError: (_, error) => fail(error),
    });
  });

/** Sends a request whose answer may be long: its body is read while it comes. */
export const requestStream = async (
  transport: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> => {
  const { origin = '', ...rest } = request;
  const { statusCode, headers, body } = await transport.request({ origin, ...rest, ...(signal && { signal }) });
  // Until the reader begins, nobody else listens: an unheard error event would end the process.
  body.on('error', () => undefined);
  return { status: statusCode, headers: firstValues(headers), body };
};
