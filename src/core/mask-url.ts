import { REDACTED } from './secrets.ts';

/**
 * Where a connection string holds a password: in a URL (`scheme://user:password@host`, also one that holds an @ itself, or
 * `?password=`, or Azure's signature, `?sig=`), or in libpq's `key=value` form. Group 1 is what stands before it, group 2 the password.
 */
const PASSWORD_PLACES = [
  /^(https?:\/\/[^/?#@:]*:)([^/?#]*)(?=@)/is,
  /^((?!https?:)[a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:)(.*)(?=@)/is,
  /^(.*[?&](?:password|passwd|sig)=)([^&#]*)/is,
  /^((?:.*\s)?password\s*=\s*')((?:[^'\\]|\\.)*)(?=')/is,
  /^((?:.*\s)?password\s*=\s*)([^'\s]\S*)/is,
] as const;

/** The password inside a connection string; undefined where there is none. */
export const passwordOf = (connection: string): string | undefined => {
  for (const place of PASSWORD_PLACES) {
    const password = place.exec(connection)?.[2];
    if (password) return password;
  }
  return undefined;
};

/** The connection string with every password replaced by `****`. */
export const maskPassword = (connection: string): string =>
  PASSWORD_PLACES.reduce(
    (text, place) => text.replace(place, (_, before: string) => `${before}${REDACTED}`),
    connection,
  );

/** A text for a person in which every URL's password is replaced by `****`. */
export const maskUrls = (text: string): string =>
  text.replaceAll(
    /([a-z][a-z0-9+.-]*:\/\/[^/?#@:\s'"]*:)[^\s'"]*(?=@)/gi,
    (_, before: string) => `${before}${REDACTED}`,
  );
