import { AppError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/error-catalogue.ts';
import { parseRetryAfterMs, type ResponseHeaders } from '../http/response.ts';
import { childText, parseXml, type XmlElement } from './xml.ts';

/** What the store answered instead of what was asked for. */
export interface S3Failure {
  readonly status: number;
  /** The store's own code, such as `NoSuchKey`; '' where the answer had no body that S3 defines. */
  readonly code: string;
  readonly message: string;
  readonly requestId: string | undefined;
  /** The region that the store named, where it did. */
  readonly region: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** The access key that signed the request, where that is known. */
  readonly keyId?: string | undefined;
}

const findError = (body: string): XmlElement | undefined => {
  if (!body.trimStart().startsWith('<')) return undefined;
  try {
    const root = parseXml(body.trimStart());
    return root.name === 'Error' ? root : undefined;
  } catch {
    // A gateway's HTML page, say: then the status alone speaks.
    return undefined;
  }
};

export const parseFailure = (status: number, headers: ResponseHeaders, body: string): S3Failure => {
  const error = findError(body);
  const text = (name: string): string | undefined => (error === undefined ? undefined : childText(error, name)?.trim());
  return {
    status,
    code: text('Code') ?? '',
    message: text('Message') ?? '',
    requestId: headers['x-amz-request-id'] ?? headers['x-openstack-request-id'] ?? text('RequestId'),
    region: headers['x-amz-bucket-region'] ?? text('Region'),
    retryAfterMs: parseRetryAfterMs(headers['retry-after'], Date.now()),
  };
};

/** By the store's own code; the status decides only where there is none of these. */
const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  InvalidAccessKeyId: 'store.credentials',
  SignatureDoesNotMatch: 'store.credentials',
  ExpiredToken: 'store.credentials',
  InvalidToken: 'store.credentials',
  TokenRefreshRequired: 'store.credentials',
  InvalidSecurity: 'store.credentials',
  NotSignedUp: 'store.credentials',
  AccountProblem: 'store.credentials',
  XAdminUserNotFound: 'store.credentials',
  RequestTimeTooSkewed: 'store.clock-skew',
  RequestExpired: 'store.clock-skew',
  AccessDenied: 'store.denied',
  AllAccessDisabled: 'store.denied',
  NoSuchBucket: 'store.container-missing',
  NoSuchKey: 'store.not-found',
  PermanentRedirect: 'store.wrong-region',
  TemporaryRedirect: 'store.wrong-region',
  AuthorizationHeaderMalformed: 'store.wrong-region',
  IllegalLocationConstraintException: 'store.wrong-region',
  SlowDown: 'store.throttled',
  SlowDownRead: 'store.throttled',
  SlowDownWrite: 'store.throttled',
  Throttling: 'store.throttled',
  ThrottlingException: 'store.throttled',
  TooManyRequests: 'store.throttled',
  RequestLimitExceeded: 'store.throttled',
  BandwidthLimitExceeded: 'store.throttled',
  InternalError: 'store.busy',
  ServiceUnavailable: 'store.busy',
  ConditionalRequestConflict: 'store.busy',
  OperationAborted: 'store.busy',
  NoSuchUpload: 'store.busy',
  RequestTimeout: 'store.timeout',
  PreconditionFailed: 'store.exists',
  InvalidObjectState: 'store.archived',
  ObjectLocked: 'store.object-locked',
  BadDigest: 'store.corrupt',
  IncompleteBody: 'store.corrupt',
  XAmzContentSHA256Mismatch: 'store.corrupt',
  XAmzContentChecksumMismatch: 'store.corrupt',
  EntityTooLarge: 'store.too-large',
  KeyTooLongError: 'store.invalid-url',
  InvalidURI: 'store.invalid-url',
  InvalidObjectName: 'store.invalid-url',
  XMinioInvalidObjectName: 'store.invalid-url',
  XMinioInvalidResourceName: 'store.invalid-url',
  InsufficientStorage: 'store.full',
  QuotaExceeded: 'store.full',
  XMinioStorageFull: 'store.full',
  XMinioAdminBucketQuotaExceeded: 'store.full',
};

const codeByStatus = (failure: S3Failure): ErrorCode => {
  switch (failure.status) {
    case 301:
    case 307:
      return 'store.wrong-region';
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
    case 503:
      return failure.retryAfterMs === undefined ? 'store.busy' : 'store.throttled';
    case 507:
      return 'store.full';
    default:
      return failure.status === 500 || failure.status === 502 || failure.status === 504 ? 'store.busy' : 'store.failed';
  }
};

/** What a failure means. A 404 means "not found" only with the code that says so: a proxy may answer 404 to anything. */
export const codeOf = (failure: S3Failure): ErrorCode =>
  failure.code === 'ServiceUnavailable' && failure.retryAfterMs !== undefined
    ? 'store.throttled'
    : (BY_CODE[failure.code] ?? codeByStatus(failure));

/** The features that the store says it does not have. */
export const isUnsupported = (failure: S3Failure): boolean =>
  failure.status === 501 ||
  failure.status === 405 ||
  failure.code === 'NotImplemented' ||
  failure.code === 'MethodNotAllowed';

/** The error for a failure of `what`, such as `PutObject s3://bucket/key`. `keyId` is shown where credentials are at fault. */
export const failureError = (failure: S3Failure, what: string, keyId: string | undefined): AppError => {
  const code = codeOf(failure);
  const place = [
    failure.code,
    `HTTP ${failure.status}`,
    ...(failure.requestId === undefined ? [] : [`request id ${failure.requestId}`]),
    ...(code === 'store.wrong-region' && failure.region !== undefined ? [`region ${failure.region}`] : []),
  ].filter((part) => part !== '');
  const said = failure.message === '' ? 'the store refused' : failure.message.replace(/\.$/, '');
  const remedy = remedyOf(failure, code, what);
  const who = code === 'store.credentials' || code === 'store.denied' ? ` with access key ${keyId ?? '(none)'}` : '';
  return new AppError(code, `${what}${who}: ${said} (${place.join(', ')})`, {
    ...(failure.retryAfterMs !== undefined && { retryAfterMs: failure.retryAfterMs }),
    ...(remedy !== undefined && { remedy }),
  });
};

/** The right that each of our requests needs, where its name does not say it. */
const RIGHTS: Readonly<Record<string, string>> = {
  HeadBucket: 's3:ListBucket',
  ListObjectsV2: 's3:ListBucket',
  HeadObject: 's3:GetObject',
  DeleteObjects: 's3:DeleteObject',
  CopyObject: 's3:GetObject and s3:PutObject',
};

/** What to do, where the store's own code says it better than ours; `what` begins with the operation. */
const remedyOf = (failure: S3Failure, code: ErrorCode, what: string): string | undefined => {
  switch (failure.code) {
    case 'InvalidAccessKeyId':
    case 'XAdminUserNotFound':
      return 'The store does not know this access key: correct access_key.';
    case 'SignatureDoesNotMatch':
      return 'The store knows the access key, and the secret is not its own: correct secret_key.';
    case 'ExpiredToken':
      return 'Get new temporary credentials, and set access_key, secret_key and session_token together.';
    case '':
      // What speaks S3 says why; a web server, a console or a gateway does not.
      if (code === 'store.failed')
        return 'What answers there does not speak S3: correct url, with the port of the API, not of a web console.';
  }
  const [operation = ''] = what.split(' ');
  if (code === 'store.denied')
    return `Grant this access key ${RIGHTS[operation] ?? `s3:${operation}`} (docs/s3.md lists all rights).`;
  if (code === 'store.wrong-region' && failure.region !== undefined) return `Set region: ${failure.region}.`;
  return undefined;
};
