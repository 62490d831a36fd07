import { AppError, isAppError, messageOf } from '../../core/errors.ts';

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
const CERTIFICATES =
  /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;
const NO_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO']);
/** Nobody is there: trying again at once changes nothing. */
const ABSENT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host cannot be looked up',
};

/** Several addresses of one host fail together with an error whose own code may be missing. */
const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
};

/** What a broken connection means to a person. `what` names the request and its URL. */
export const transportError = (error: unknown, what: string, signal: AbortSignal): AppError => {
  if (signal.aborted)
    return isAppError(signal.reason)
      ? signal.reason
      : new AppError('interrupted', 'A signal stopped the command before it was done', { cause: error });
  if (isAppError(error)) return error;
  const code = codeOf(error);
  const text = `${what}: ${ABSENT[code] ?? (messageOf(error) || 'the connection failed')}`;
  if (TIMEOUTS.has(code)) return new AppError('service.timeout', `${what}: no answer in time`, { cause: error });
  if (NO_TLS.has(code))
    return new AppError('service.tls', `${what}: what answers there does not speak TLS`, {
      cause: error,
      remedy: 'Give the URL with http://, or the port on which the service speaks TLS.',
    });
  if (CERTIFICATES.test(code)) return new AppError('service.tls', text, { cause: error });
  return new AppError('service.unreachable', text, { cause: error, retryable: !(code in ABSENT) });
};
