import type { ErrorCode } from '../../core/error-catalogue.ts';
import { AppError, isAppError, messageOf } from '../../core/errors.ts';

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
const LENGTHS = new Set(['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);
const CERTIFICATES =
  /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

const codeOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
};

const meaningOf = (code: string): ErrorCode => {
  if (TIMEOUTS.has(code)) return 'store.timeout';
  if (LENGTHS.has(code)) return 'store.corrupt';
  if (CERTIFICATES.test(code)) return 'store.tls';
  return 'store.unreachable';
};

/** What an aborted signal means to a caller: its own reason where that is one of our errors, else `interrupted`. */
const abortError = (signal: AbortSignal): AppError =>
  isAppError(signal.reason)
    ? signal.reason
    : new AppError('interrupted', `stopped: ${messageOf(signal.reason)}`, { cause: signal.reason });

/** Anything that a connection threw, as one of our errors. `what` names the request, such as `PUT swift://c/o at http://h`. */
export const transportError = (error: unknown, what: string, signal: AbortSignal | undefined): AppError => {
  if (signal?.aborted === true) return abortError(signal);
  if (isAppError(error)) return error;
  const code = codeOf(error) || codeOf(error instanceof Error ? error.cause : undefined);
  // Several addresses of one host fail together with an error whose own text is empty.
  const text = messageOf(error) || (error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : '');
  return new AppError(
    meaningOf(code),
    `${what}: ${text || 'the connection failed'}${code === '' ? '' : ` (${code})`}`,
    {
      cause: error,
    },
  );
};
