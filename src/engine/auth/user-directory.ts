import type { Database } from '../../database/database.ts';
import type { ConfiguredUser } from '../settings.ts';
import { type Account, findUser, hasAccountTables, hasCredentials, listAccounts, type User } from './account-store.ts';

/** Who may log in. */
export interface UserDirectory {
  /** For a person: where these users are kept. */
  readonly source: 'configuration' | 'database';
  findUser(name: string): Promise<User | undefined>;
  listAccounts(): Promise<readonly Account[]>;
}

/** The user that may act for other accounts. */
export const ADMIN = 'admin';

/** Names that are part of every database of the original: nobody logs in as them from outside. */
const isInternal = (user: User): boolean => user.account.type === 'service' || user.type === 'internal';

/** A change of a user or password takes effect after so long at the latest; each request would otherwise ask the database. */
const REMEMBERED_MS = 2000;
const MAX_REMEMBERED = 1000;

const databaseUsers = (db: Database): UserDirectory => {
  const remembered = new Map<string, { readonly user: User; readonly since: number }>();
  return {
    source: 'database',
    findUser: async (name) => {
      const known = remembered.get(name);
      if (known !== undefined && performance.now() - known.since < REMEMBERED_MS) return known.user;
      remembered.delete(name);
      const user = await findUser(db, name);
      if (user === undefined || isInternal(user)) return undefined;
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(name, { user, since: performance.now() });
      return user;
    },
    listAccounts: () => listAccounts(db),
  };
};

const configuredUsers = (users: readonly ConfiguredUser[]): UserDirectory => {
  const known = new Map<string, User>();
  for (const { name, password, email } of users) {
    const account = { name, state: 'enabled', type: name === ADMIN ? 'admin' : 'user', email, createdAt: null };
    known.set(name, { name, type: 'native', createdAt: null, account, credential: password });
  }
  return {
    source: 'configuration',
    findUser: async (name) => known.get(name),
    listAccounts: async () => [...known.values()].map(({ account }) => account),
  };
};

/** The users of the database where it has any that can log in, else those of the configuration. */
export const openUserDirectory = async (db: Database, users: readonly ConfiguredUser[]): Promise<UserDirectory> => {
  if ((await hasAccountTables(db)) && (users.length === 0 || (await hasCredentials(db)))) return databaseUsers(db);
  return configuredUsers(users);
};
