import { AppError, isAppError, messageOf } from '../core/errors.ts';
import type { ErrorCode } from '../core/error-catalogue.ts';

/** What was being done: it decides what an error without the server's word means. */
export type DatabaseStep = 'connecting' | 'statement' | 'commit';

interface Mapping {
  readonly code: ErrorCode;
  /** What it means, before the server's own words. */
  readonly text: string;
  readonly retryable?: boolean;
  readonly remedy?: string;
}

const LOST: Mapping = { code: 'database.lost', text: 'the connection was lost' };
const SCHEMA: Mapping = { code: 'database.schema', text: 'a table or column is not as expected' };
const CONFLICT: Mapping = { code: 'database.failed', text: 'another transaction was in the way', retryable: true };
const TLS_REMEDY = 'Set sslrootcert to the CA of the server, or another sslmode.';
const TLS: Mapping = { code: 'database.denied', text: 'its certificate is not trusted', remedy: TLS_REMEDY };

/** The server's codes (PostgreSQL, appendix A), those of five characters before those of a whole class. */
const BY_SQLSTATE: Readonly<Record<string, Mapping>> = {
  '08': LOST,
  '25006': {
    code: 'database.denied',
    text: 'the database cannot be written to',
    remedy: 'Connect to the primary server, not to a standby, with a role that may write.',
  },
  '25P03': LOST,
  '28': { code: 'database.denied', text: 'it refuses the user or the password' },
  '3D000': { code: 'database.schema', text: 'there is no such database' },
  '3F000': { code: 'database.schema', text: 'there is no such schema' },
  '40001': CONFLICT,
  '40P01': CONFLICT,
  '42501': { code: 'database.denied', text: 'the role may not do this' },
  '42P01': SCHEMA,
  '42703': SCHEMA,
  '42704': SCHEMA,
  '53100': { code: 'store.full', text: 'the disk of the database server is full' },
  '53300': { code: 'database.unreachable', text: 'it takes no more connections' },
  '55P03': { code: 'database.timeout', text: 'another session holds the lock' },
  '57014': { code: 'database.timeout', text: 'the statement took too long or was cancelled' },
  '57P01': LOST,
  '57P02': LOST,
  '57P03': { code: 'database.unreachable', text: 'it is starting up or shutting down' },
  '57P05': LOST,
  '58030': { code: 'database.failed', text: 'the database server could not read or write its files' },
};

/** Errors of the network and of TLS, by Node's code. */
const BY_NODE_CODE: Readonly<Record<string, Mapping>> = {
  CERT_HAS_EXPIRED: { ...TLS, text: 'its certificate has expired' },
  DEPTH_ZERO_SELF_SIGNED_CERT: TLS,
  EACCES: { code: 'database.denied', text: 'its Unix socket may not be opened' },
  ERR_TLS_CERT_ALTNAME_INVALID: { ...TLS, text: 'its certificate is for another host' },
  SELF_SIGNED_CERT_IN_CHAIN: TLS,
  UNABLE_TO_GET_ISSUER_CERT: TLS,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TLS,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TLS,
};

const findCode = (error: unknown): string | undefined => {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // Node's answer where each of a host's addresses failed.
  return error instanceof AggregateError ? findCode(error.errors[0]) : undefined;
};

/** What pg says, without any code, of a connection that it knows to be gone before its socket has closed. */
const PG_LOST = new Set([
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Connection terminated',
  'Connection terminated unexpectedly',
]);

const findLoss = (error: unknown): Mapping | undefined =>
  error instanceof Error && PG_LOST.has(error.message) ? LOST : undefined;

/** The server's own code, such as `40001`; undefined where the error is not from the server. */
export const findSqlState = (error: unknown): string | undefined => {
  const code = findCode(isAppError(error) ? error.cause : error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
};

const detailOf = (error: unknown): string =>
  (error instanceof AggregateError && error.errors.length > 0 ? messageOf(error.errors[0]) : messageOf(error)) ||
  'no reason given';

/**
 * Any error of pg as an AppError `database.*` (a full disk: `store.full`) with that error as its cause. `place` is the
 * database without secrets. The server's `detail`, which can hold values of rows, stays out of the text.
 */
export const toDatabaseError = (error: unknown, place: string, step: DatabaseStep): AppError => {
  if (error instanceof AppError) return error;
  const state = findSqlState(error);
  const mapping =
    state === undefined
      ? (findLoss(error) ?? withoutState(findCode(error), step))
      : (BY_SQLSTATE[state] ?? BY_SQLSTATE[state.slice(0, 2)]);
  const words = state === undefined ? detailOf(error) : `${detailOf(error)} (SQLSTATE ${state})`;
  if (mapping === undefined) return new AppError('database.failed', `database ${place}: ${words}`, { cause: error });
  if (step === 'commit' && mapping.code === 'database.lost') return unknownOutcome(place, error);
  const lostWhileConnecting = step === 'connecting' && mapping.code === 'database.lost';
  const code = lostWhileConnecting ? 'database.unreachable' : mapping.code;
  return new AppError(code, `database ${place}: ${mapping.text}: ${words}`, {
    cause: error,
    ...(mapping.retryable === undefined ? {} : { retryable: mapping.retryable }),
    ...(mapping.remedy === undefined ? {} : { remedy: mapping.remedy }),
  });
};

/** A COMMIT without an answer. Whether to repeat what may have been committed is for its owner to decide. */
export const unknownOutcome = (place: string, cause: unknown): AppError => {
  const text = `database ${place}: the connection was lost during COMMIT, so whether it took effect is unknown: ${detailOf(cause)}`;
  return new AppError('database.lost', text, { cause, retryable: false, outcomeUnknown: true });
};

/** An error that did not come from the server: of the network, of TLS, or of pg itself. */
const withoutState = (code: string | undefined, step: DatabaseStep): Mapping => {
  const known = code === undefined ? undefined : BY_NODE_CODE[code];
  if (known !== undefined) return known;
  if (step === 'connecting') return { code: 'database.unreachable', text: 'cannot connect' };
  // Not the network: a value that pg cannot send, or an answer that does not fit into a string.
  return code === undefined || code.startsWith('ERR_')
    ? { code: 'internal', text: 'a statement could not be run' }
    : LOST;
};
