import { RestError } from '@azure/storage-blob';
import type { ErrorCode } from '../../core/error-catalogue.ts';
import { AppError } from '../../core/errors.ts';
import { parseRetryAfterMs } from '../http/response.ts';
import { transportError } from '../http/transport-error.ts';

/** By the service's own code (`x-ms-error-code`); the status decides only where there is none of these. */
const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  AuthenticationFailed: 'store.credentials',
  InvalidAuthenticationInfo: 'store.credentials',
  NoAuthenticationInformation: 'store.credentials',
  AuthorizationFailure: 'store.denied',
  AuthorizationPermissionMismatch: 'store.denied',
  AuthorizationProtocolMismatch: 'store.denied',
  AuthorizationResourceTypeMismatch: 'store.denied',
  AuthorizationServiceMismatch: 'store.denied',
  AuthorizationSourceIPMismatch: 'store.denied',
  AccountIsDisabled: 'store.denied',
  InsufficientAccountPermissions: 'store.denied',
  PublicAccessNotPermitted: 'store.denied',
  ContainerNotFound: 'store.container-missing',
  ContainerBeingDeleted: 'store.busy',
  ContainerDisabled: 'store.denied',
  BlobNotFound: 'store.not-found',
  BlobAlreadyExists: 'store.exists',
  ConditionNotMet: 'store.exists',
  BlobArchived: 'store.archived',
  BlobBeingRehydrated: 'store.archived',
  BlobImmutableDueToPolicy: 'store.object-locked',
  BlobImmutableDueToLegalHold: 'store.object-locked',
  LeaseIdMissing: 'store.object-locked',
  LeaseIdMismatchWithBlobOperation: 'store.object-locked',
  Md5Mismatch: 'store.corrupt',
  InvalidMd5: 'store.corrupt',
  RequestBodyTooLarge: 'store.too-large',
  BlockCountExceedsLimit: 'store.too-large',
  InvalidUri: 'store.invalid-url',
  InvalidResourceName: 'store.invalid-url',
  OutOfRangeInput: 'store.invalid-url',
  InternalError: 'store.busy',
  OperationTimedOut: 'store.timeout',
  ServerBusy: 'store.throttled',
};

const codeByStatus = (status: number): ErrorCode => {
  switch (status) {
    case 401:
      return 'store.credentials';
    case 403:
      return 'store.denied';
    case 408:
      return 'store.timeout';
    case 412:
      return 'store.exists';
    case 413:
      return 'store.too-large';
    case 429:
      return 'store.throttled';
    case 507:
      return 'store.full';
    default:
      return status === 500 || status === 502 || status === 503 || status === 504 ? 'store.busy' : 'store.failed';
  }
};

/** The first line of what the service said: the others repeat the number and time of the request. */
const sentenceOf = (message: string): string => (message.split('\n')[0] ?? '').trim().replace(/\.$/, '');

/** The code that the service gave; '' where the answer came from something in between, such as a proxy. */
export const serviceCode = (error: unknown): string =>
  error instanceof RestError && error.statusCode !== undefined
    ? (error.response?.headers.get('x-ms-error-code') ?? '')
    : '';

const meaningOf = (status: number, code: string, message: string): ErrorCode => {
  if (
    /request date header too old|not within the valid time frame|signature not valid in the specified time/i.test(
      message,
    )
  )
    return 'store.clock-skew';
  // Some servers say of a wrong signature that it is not authorized.
  if (code === 'AuthorizationFailure' && /failed to authenticate/i.test(message)) return 'store.credentials';
  return BY_CODE[code] ?? codeByStatus(status);
};

/**
 * Anything that the client library threw, as one of our errors. `what` names the request, such as `PUT azure://c/name`;
 * `user` is shown where rights are at fault. The library's own error is not kept as the cause of an answer: it holds the whole
 * request, and with it what was signed.
 */
export const azureError = (error: unknown, what: string, user: string, signal: AbortSignal | undefined): AppError => {
  if (!(error instanceof RestError) || error.statusCode === undefined || signal?.aborted === true)
    return transportError(error, what, signal);
  const { statusCode: status, message } = error;
  const headers = error.response?.headers;
  const code = serviceCode(error);
  const meaning = meaningOf(status, code, message);
  const requestId = headers?.get('x-ms-request-id');
  const place = [code, `HTTP ${status}`, ...(requestId === undefined ? [] : [`request id ${requestId}`])];
  const who = meaning === 'store.credentials' || meaning === 'store.denied' ? ` as ${user}` : '';
  const retryAfterMs = parseRetryAfterMs(headers?.get('retry-after'), Date.now());
  const said = sentenceOf(message) || 'the service refused';
  return new AppError(meaning, `${what}${who}: ${said} (${place.filter((part) => part !== '').join(', ')})`, {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
};
