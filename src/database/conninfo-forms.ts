import { AppError } from '../core/errors.ts';
import { hidePart } from './database-target.ts';

/** What a connection text says, before defaults: libpq's parameter names, as written. */
export interface ConninfoParts {
  /** `pg8000` of `postgresql+pg8000://`; undefined where none is named. */
  readonly sqlalchemyDriver: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
  /** The text with its passwords replaced by `****`. */
  readonly shown: string;
}

/** Percent-decoding that leaves what is not an escape alone, as SQLAlchemy's does: passwords with a bare `%` exist. */
const decodePercent = (text: string): string =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'));

const AUTHORITY =
  /^(?:\[(?<v6>[^\]/?]*)\]|(?<name>[^:/?]*))(?::(?<port>[^/?]*))?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s;

const SECRET_PARAMETERS = new Set(['password', 'sslpassword']);

/**
 * Where the user information ends: at the first `@`, or where the rest would then not be an address, at a later one
 * (older SQLAlchemy takes passwords with a bare `@`).
 */
const splitUserInfo = (rest: string): { readonly end: number; readonly authority: RegExpExecArray } | undefined => {
  const whole = rest.search(/[/?]/);
  const firstAt = rest.indexOf('@');
  if (firstAt < 0 || (whole >= 0 && whole < firstAt && !rest.slice(0, whole).includes(':'))) {
    const authority = AUTHORITY.exec(rest);
    return authority === null ? undefined : { end: -1, authority };
  }
  for (let at = firstAt; at >= 0; at = rest.indexOf('@', at + 1)) {
    const authority = AUTHORITY.exec(rest.slice(at + 1));
    if (authority !== null && !(authority.groups?.['name'] ?? '').includes('@')) return { end: at, authority };
  }
  return undefined;
};

/** A SQLAlchemy URL or a libpq URI. `place` names where it was written, for errors. */
export const parseUrlForm = (text: string, place: string): ConninfoParts => {
  const scheme = /^(?:postgresql|postgres)(?:\+(\w+))?:\/\//i.exec(text);
  const split = scheme === null ? undefined : splitUserInfo(text.slice(scheme[0].length));
  if (scheme === null || split === undefined) {
    throw new AppError('config.invalid', `${place}: expected postgresql://user:password@host:port/database`);
  }
  const start = scheme[0].length;
  const parameters = new Map<string, string>();
  let shown = text;

  const groups = split.authority.groups ?? {};
  const queryStart = groups['query'] === undefined ? text.length : text.length - groups['query'].length;
  const queryParts = (groups['query'] ?? '').split('&').filter((part) => part !== '');
  const shownQuery = queryParts.map((part) => {
    const equals = part.indexOf('=');
    const name = decodePercent(equals < 0 ? part : part.slice(0, equals));
    parameters.set(name, equals < 0 ? '' : decodePercent(part.slice(equals + 1)));
    return SECRET_PARAMETERS.has(name) ? hidePart(part, equals + 1, part.length) : part;
  });
  if (queryParts.length > 0) shown = `${text.slice(0, queryStart)}${shownQuery.join('&')}`;

  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') parameters.set(name, decodePercent(value));
  };
  set('host', groups['v6'] ?? groups['name']);
  set('port', groups['port']);
  set('dbname', groups['database']);
  if (split.end >= 0) {
    const userInfo = text.slice(start, start + split.end);
    const colon = userInfo.indexOf(':');
    set('user', colon < 0 ? userInfo : userInfo.slice(0, colon));
    if (colon >= 0) {
      set('password', userInfo.slice(colon + 1));
      shown = hidePart(shown, start + colon + 1, start + split.end);
    }
  }
  return { sqlalchemyDriver: scheme[1]?.toLowerCase(), parameters, shown };
};

/** libpq's `host=... dbname='...'`: a backslash escapes, quotes hold blanks. */
export const parseKeywordForm = (text: string, place: string): ConninfoParts => {
  const parameters = new Map<string, string>();
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)\s*/sy;
  let shown = '';
  while (pair.lastIndex < text.length) {
    const start = pair.lastIndex;
    const found = pair.exec(text);
    if (found === null) {
      throw new AppError(
        'config.invalid',
        `${place}: expected keyword=value pairs such as host=... dbname=... after position ${start}`,
      );
    }
    const name = found[1] ?? '';
    parameters.set(name, (found[2] ?? found[3] ?? '').replace(/\\(.)/gs, '$1'));
    shown += SECRET_PARAMETERS.has(name) ? `${name}=**** ` : found[0];
  }
  return { sqlalchemyDriver: undefined, parameters, shown: shown.trim() };
};
