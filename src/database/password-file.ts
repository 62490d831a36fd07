import { readFile, stat } from 'node:fs/promises';
import type { Log } from '../core/log.ts';
import { registerSecret } from '../core/secrets.ts';
import type { PostgresTarget } from './database-target.ts';

const FIELD = String.raw`((?:\\.|[^:\\])*)`;
/** host:port:database:user:password, where a backslash escapes; the password is the rest of the line. */
const LINE = new RegExp(`^${FIELD}:${FIELD}:${FIELD}:${FIELD}:(.*)$`);

const splitLine = (line: string): readonly string[] =>
  (LINE.exec(line) ?? []).slice(1).map((field) => field.replace(/\\(.)/g, '$1'));

/**
 * The password that libpq's password file (`~/.pgpass`) has for this target, if any. A file that others may read is ignored, as
 * libpq does, with a warning.
 */
export const findPasswordInFile = async (target: PostgresTarget, log: Log): Promise<string | undefined> => {
  const path = target.passwordFile;
  if (path === undefined) return undefined;
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || !info.isFile()) return undefined;
  if ((info.mode & 0o077) !== 0) {
    log.warn(`password file ${path} is ignored: others may read it (chmod 600 makes it usable)`);
    return undefined;
  }
  const wanted = [
    target.host.startsWith('/') ? 'localhost' : target.host,
    String(target.port),
    target.database,
    target.user,
  ];
  for (const line of (await readFile(path, 'utf8')).split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = splitLine(line);
    const password = fields[4];
    if (password === undefined) continue;
    const matches = wanted.every(
      (value, index) => fields[index] === '*' || fields[index] === value || (index === 0 && fields[0] === target.host),
    );
    if (!matches) continue;
    registerSecret(password);
    return password;
  }
  return undefined;
};
