import { passwordOf } from '../core/mask-url.ts';
import type { Database } from '../database/database.ts';
import type { CommandContext, GroupOptions } from './context.ts';

/** As a POSIX shell reads it back. */
const quoteForShell = (text: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** The options of the group, as they were given. A URL that holds a password is named by the guide's variable instead. */
const groupOptions = (group: GroupOptions): readonly string[] => {
  const valued = (option: string, value: string | number | undefined): readonly string[] =>
    value === undefined ? [] : [option, quoteForShell(String(value))];
  const hidden = group.dbConnect !== undefined && passwordOf(group.dbConnect) !== undefined;
  return [
    ...(hidden ? ['--db-connect', '"${db}"'] : valued('--db-connect', group.dbConnect)),
    ...valued('--db-connect-file', group.dbConnectFile),
    ...valued('--configfile', group.configFile),
    ...(group.dbUseSsl ? ['--db-use-ssl'] : []),
    ...valued('--db-retries', group.dbRetries),
    ...valued('--db-timeout', group.dbTimeoutSeconds),
    ...valued('--db-connect-timeout', group.dbConnectTimeoutSeconds),
  ];
};

/** A whole command to be pasted into a shell, which reaches the same database in the same way; never with a secret. */
export const pastedCommand = (group: GroupOptions, words: readonly string[]): string =>
  ['anchore-manager archivestorage', ...groupOptions(group), ...words.map(quoteForShell)].join(' ');

/** Makes whole commands of words, for the database at hand. */
export type Paste = (...words: readonly (string | number)[]) => string;

const NAMING = new WeakMap<Database, GroupOptions>();

/** Remembers how an open database was named, as long as it is. */
export const rememberNaming = (db: Database, group: GroupOptions): void => void NAMING.set(db, group);

/** Commands that reach this database again. */
export const pasteFor =
  ({ group }: Pick<CommandContext, 'group'>, db: Database): Paste =>
  (...words) =>
    pastedCommand(NAMING.get(db) ?? group, words.map(String));
