import { ERROR_CATALOGUE, type ErrorCode } from '../../core/error-catalogue.ts';
import { AppError } from '../../core/errors.ts';
import { isJsonMap, type Json, parseExactJson } from '../../core/json.ts';

/** An answer that is not 2xx; the cause of the error that tells of it. */
export class FailedAnswer {
  readonly status: number;
  /** What the service said, where that was JSON. */
  readonly body: Json | undefined;
  /** Under which the log of the service has the request. */
  readonly requestId: string | undefined;
  /** Whether it was the answer to the question whether the user may use the service at all. */
  readonly deniesAccess: boolean;

  constructor(status: number, body: Json | undefined, requestId: string | undefined, deniesAccess = false) {
    this.status = status;
    this.body = body;
    this.requestId = requestId;
    this.deniesAccess = deniesAccess;
  }

  denyingAccess(): FailedAnswer {
    return new FailedAnswer(this.status, this.body, this.requestId, true);
  }
}

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'request.unauthorized',
  403: 'request.forbidden',
  404: 'request.not-found',
  408: 'request.timeout',
  409: 'request.conflict',
  413: 'request.too-large',
  429: 'request.too-many',
  502: 'service.unavailable',
  503: 'service.unavailable',
  504: 'service.timeout',
};

const isErrorCode = (text: unknown): text is ErrorCode => typeof text === 'string' && text in ERROR_CATALOGUE;

const parseBody = (text: string): Json | undefined => {
  try {
    return parseExactJson(text);
  } catch {
    return undefined;
  }
};

/** What to do, where the service of the request has not said it. */
const remedyOf = (status: number): string | undefined => {
  if (status === 401)
    return 'Check the user and the password: --u and --password-file, or ANCHORE_CLI_USER and ANCHORE_CLI_PASS.';
  if (status >= 300 && status < 400) return 'Give the URL that is named with --url.';
  return undefined;
};

export interface Answered {
  /** Such as `GET http://h:8228/v1/policies`. */
  readonly what: string;
  readonly status: number;
  readonly text: string;
  readonly requestId: string | undefined;
  readonly location: string | undefined;
  /** In seconds, as the service asked. */
  readonly retryAfter: string | undefined;
}

/** The error of an answer that is not 2xx. The original's `detail` can be a text, ours has codes and a remedy. */
export const answerError = ({ what, status, text, requestId, location, retryAfter }: Answered): AppError => {
  const body = parseBody(text);
  const said = isJsonMap(body) ? body : {};
  const detail = isJsonMap(said['detail']) ? said['detail'] : {};
  const codes = Array.isArray(detail['error_codes']) ? detail['error_codes'] : [];
  const code = codes.find(isErrorCode) ?? BY_STATUS[status] ?? (status < 500 ? 'request.invalid' : 'service.failed');
  const words = typeof said['message'] === 'string' ? said['message'] : undefined;
  const remedy = remedyOf(status) ?? (typeof detail['remedy'] === 'string' ? detail['remedy'] : undefined);
  const seconds = Number(retryAfter);
  return new AppError(
    code,
    words ?? `${what}: the answer was HTTP ${status}${location === undefined ? '' : ` with the URL ${location}`}`,
    {
      cause: new FailedAnswer(status, body, requestId),
      retryable: [408, 429, 502, 503, 504].includes(status),
      ...(remedy !== undefined && { remedy }),
      ...(retryAfter !== undefined && Number.isFinite(seconds) && { retryAfterMs: seconds * 1000 }),
    },
  );
};
