import { AppError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/error-catalogue.ts';
import { parseRetryAfterMs, type ResponseHeaders } from '../http/response.ts';

/** What the cluster answered instead of what was asked for. */
export interface SwiftFailure {
  readonly status: number;
  /** The start of the answer's text, on one line; '' for HEAD. */
  readonly message: string;
  /** The cluster's own number of the request. An answer without one may come from something in between, such as a proxy. */
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
}

const MAX_MESSAGE = 200;

const requestIdOf = (headers: ResponseHeaders): string | undefined =>
  headers['x-trans-id'] ?? headers['x-openstack-request-id'];

export const parseFailure = (status: number, headers: ResponseHeaders, body: string): SwiftFailure => ({
  status,
  message: body
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_MESSAGE),
  requestId: requestIdOf(headers),
  retryAfterMs: parseRetryAfterMs(headers['retry-after'], Date.now()),
});

/** A 404 that the cluster itself gave: a gateway may answer 404 to anything. */
export const isAbsent = (failure: SwiftFailure): boolean => failure.status === 404 && failure.requestId !== undefined;

export const codeOf = (failure: SwiftFailure): ErrorCode => {
  switch (failure.status) {
    case 401:
      return 'store.credentials';
    case 403:
      return 'store.denied';
    case 404:
      return isAbsent(failure) ? 'store.not-found' : 'store.failed';
    case 408:
    case 499:
      return 'store.timeout';
    case 412:
      return 'store.exists';
    case 413:
      // Swift's quota middlewares say so in words alone.
      return /quota/i.test(failure.message) ? 'store.full' : 'store.too-large';
    case 422:
      return 'store.corrupt';
    case 429:
    case 498:
      return 'store.throttled';
    case 503:
      return failure.retryAfterMs === undefined ? 'store.busy' : 'store.throttled';
    case 507:
      return 'store.full';
    default:
      return failure.status >= 500 && failure.status !== 501 ? 'store.busy' : 'store.failed';
  }
};

/** The error that a failure of `what` means, such as `PUT swift://container/name`. `user` is shown where rights are at fault. */
export const failureError = (failure: SwiftFailure, what: string, user: string): AppError => {
  const code = codeOf(failure);
  const who = code === 'store.credentials' || code === 'store.denied' ? ` as ${user}` : '';
  const place = `HTTP ${failure.status}${failure.requestId === undefined ? '' : `, transaction ${failure.requestId}`}`;
  const said = failure.message === '' ? 'the cluster refused' : failure.message.replace(/\.$/, '');
  return new AppError(code, `${what}${who}: ${said} (${place})`, {
    ...(failure.retryAfterMs !== undefined && { retryAfterMs: failure.retryAfterMs }),
  });
};
