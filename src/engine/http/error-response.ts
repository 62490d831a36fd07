import { type ErrorCode } from '../../core/error-catalogue.ts';
import { type AppError, toAppError } from '../../core/errors.ts';
import { redact } from '../../core/secrets.ts';

export type ErrorStatus = 400 | 401 | 403 | 404 | 408 | 409 | 413 | 429 | 500 | 503 | 507;

/** What clients of the original understand, in its form. */
export interface ErrorBody {
  readonly message: string;
  readonly httpcode: number;
  readonly detail: { readonly error_codes: string[]; readonly remedy?: string; readonly request_id?: string };
}

const BY_CODE: Partial<Record<ErrorCode, ErrorStatus>> = {
  'request.invalid': 400,
  'request.unauthorized': 401,
  'request.forbidden': 403,
  'request.not-found': 404,
  'request.conflict': 409,
  'request.too-large': 413,
  'request.too-many': 429,
  'request.timeout': 408,
  'service.unavailable': 503,
  'database.unreachable': 503,
  'database.lost': 503,
  'database.timeout': 503,
  'database.lock-lost': 503,
  'store.invalid-url': 400,
  'store.unsafe-path': 400,
  'store.too-large': 413,
  'store.unreachable': 503,
  'store.timeout': 503,
  'store.throttled': 503,
  'store.busy': 503,
  'store.full': 507,
  'interrupted': 503,
};

/** The one place where an error becomes a status. */
const statusOf = (error: AppError): ErrorStatus => BY_CODE[error.code] ?? 500;

/** Errors of these kinds say where things lie and how they are kept: that is for the log, not for clients. */
const isPrivate = (error: AppError): boolean =>
  error.code === 'internal' || error.code.startsWith('database.') || error.code.startsWith('config.');

export interface ErrorResponse {
  readonly status: ErrorStatus;
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a client is told of anything thrown: never a stack, never a secret. */
export const describeError = (thrown: unknown, requestId: string): ErrorResponse => {
  const error = toAppError(thrown);
  const status = statusOf(error);
  const hidden = isPrivate(error);
  const message = hidden
    ? status === 503
      ? 'the database does not answer'
      : 'the service met an error; see its log'
    : redact(error.message);
  const retryAfter = error.retryAfterMs ?? (status === 503 ? 1000 : undefined);
  return {
    status,
    body: {
      message,
      httpcode: status,
      detail: {
        error_codes: [error.code],
        ...(hidden ? {} : { remedy: redact(error.remedy) }),
        request_id: requestId,
      },
    },
    headers: {
      ...(status === 401 && { 'www-authenticate': 'Basic realm="Authentication required", charset="UTF-8"' }),
      ...(retryAfter !== undefined && { 'retry-after': String(Math.ceil(retryAfter / 1000)) }),
      // Its body may not have been read: nothing that follows on this connection could be understood.
      ...((status === 413 || status === 408) && { connection: 'close' }),
    },
  };
};
