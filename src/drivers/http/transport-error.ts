import type { ErrorCode } from '../../core/error-catalogue.ts';
import { AppError, isAppError, messageOf } from '../../core/errors.ts';

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
const LENGTHS = new Set(['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);
const CERTIFICATES =
  /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

const PLAIN_ANSWERS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO']);
const UNTRUSTED = 'Set ca_file to the file (PEM) of the CA that signed the certificate of the store.';

/** What to do, by what the connection said. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'No host has this name: correct the URL (HTTP_PROXY and HTTPS_PROXY too), or the DNS of this machine.',
  EAI_AGAIN: 'The name could not be looked up: check the DNS of this machine, and the host in the URL.',
  ECONNREFUSED:
    'Nothing listens there: check host and port of the URL, and that the store runs. If the address is that of HTTP_PROXY or HTTPS_PROXY, correct that, or put the host of the store into NO_PROXY.',
  EHOSTUNREACH: 'No way leads there from this machine: check the network, and whether a proxy is needed (HTTPS_PROXY).',
  ENETUNREACH: 'No way leads there from this machine: check the network, and whether a proxy is needed (HTTPS_PROXY).',
  ECONNRESET: 'What listens there ended the connection: check the port, and whether it wants https or http.',
  UND_ERR_SOCKET: 'What listens there ended the connection: check the port, and whether it wants https or http.',
  UND_ERR_ABORTED:
    'A proxy was in the way: check HTTPS_PROXY with its user and password, or put the host of the store into NO_PROXY.',
  UND_ERR_CONNECT_TIMEOUT:
    'Nothing answers there: check host, port and firewall, and whether a proxy is needed (HTTPS_PROXY).',
  ETIMEDOUT: 'Nothing answers there: check host, port and firewall, and whether a proxy is needed (HTTPS_PROXY).',
  CERT_HAS_EXPIRED: 'Renew the certificate of the store, or set the clock of this machine, if that is wrong.',
  CERT_NOT_YET_VALID: 'Set the clock of this machine, or have the certificate of the store made anew.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'The certificate is for another name: use in the URL one that it holds.',
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
};

const remedyOf = (code: string): { readonly remedy?: string } => {
  const remedy = PLAIN_ANSWERS.has(code)
    ? 'What listens there does not speak TLS: write http:// in the URL, or name the port that does.'
    : REMEDIES[code];
  return remedy === undefined ? {} : { remedy };
};

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
  if (PLAIN_ANSWERS.has(code))
    return new AppError('store.tls', `${what}: the answer is not TLS (${code})`, { cause: error, ...remedyOf(code) });
  // Several addresses of one host fail together with an error whose own text is empty.
  const text = messageOf(error) || (error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : '');
  return new AppError(
    meaningOf(code),
    `${what}: ${text || 'the connection failed'}${code === '' ? '' : ` (${code})`}`,
    { cause: error, ...remedyOf(code) },
  );
};
