import { AppError } from '../core/errors.ts';

/** The OIDs of PostgreSQL's built-in types that we read in our own way (`pg_type.dat`). */
const BYTEA = 17;
const INT8 = 20;
const TIMESTAMP = 1114;
const TIMESTAMPTZ = 1184;

const parseSafeInteger = (text: string): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number))
    throw new AppError('database.failed', `the number ${text} in the database is beyond 2^53`);
  return number;
};

/** `2018-08-15 18:03:52.951364` or with `+00`, in a session whose time zone is UTC. `infinity` stays as it is. */
const toIsoText = (text: string): string =>
  /^\d/.test(text) ? `${text.replace(' ', 'T').replace(/\+00$/, '')}Z` : text;

const PARSERS: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [INT8, parseSafeInteger],
  // Every session sets bytea_output to hex. pg's binary results are no way out: it decodes them as UTF-8.
  [BYTEA, (text) => Buffer.from(text.slice(2), 'hex')],
  [TIMESTAMP, toIsoText],
  [TIMESTAMPTZ, toIsoText],
]);

/** Our own parser of this type, or undefined where pg's is right. */
export const findTypeParser = (oid: number): ((text: string) => unknown) | undefined => PARSERS.get(oid);
