import { randomUUID } from 'node:crypto';
import type { Queryable } from '../../database/database.ts';
import { findTables } from '../../database/schema/schema-changes.ts';

export interface Account {
  readonly name: string;
  readonly state: string;
  readonly type: string;
  readonly email: string | null;
  /** Epoch seconds. */
  readonly createdAt: number | null;
}

/** A user with the account to which it belongs. */
export interface User {
  readonly name: string;
  readonly type: string;
  readonly createdAt: number | null;
  readonly account: Account;
  /** The password, plain or hashed. */
  readonly credential: string;
}

interface AccountRow {
  name: string;
  state: string | null;
  type: string;
  email: string | null;
  created_at: number | null;
}

const ACCOUNT_COLUMNS = 'a.name, a.state::text AS state, a.type::text AS type, a.email, a.created_at';

const fromRow = (row: AccountRow): Account => ({
  name: row.name,
  state: row.state ?? 'enabled',
  type: row.type,
  email: row.email,
  createdAt: row.created_at,
});

/** Whether this database has accounts at all: it has them from Anchore 0.3.0 on. */
export const hasAccountTables = async (db: Queryable): Promise<boolean> =>
  (await findTables(db, ['accounts', 'account_users', 'user_access_credentials'])).size === 3;

/** Whether anybody can log in with what the tables hold. */
export const hasCredentials = async (db: Queryable): Promise<boolean> =>
  (await db.query(`SELECT 1 FROM user_access_credentials WHERE type = 'password' LIMIT 1`)).count > 0;

export const findUser = async (db: Queryable, name: string): Promise<User | undefined> => {
  const { rows } = await db.query<
    AccountRow & { username: string; user_type: string; user_created_at: number | null; value: string }
  >(
    `SELECT ${ACCOUNT_COLUMNS}, u.username, u.type::text AS user_type, u.created_at AS user_created_at, c.value
       FROM account_users u JOIN accounts a ON a.name = u.account_name
       JOIN user_access_credentials c ON c.username = u.username AND c.type = 'password'
      WHERE u.username = $1`,
    [name],
  );
  const row = rows[0];
  return (
    row && {
      name: row.username,
      type: row.user_type,
      createdAt: row.user_created_at,
      account: fromRow(row),
      credential: row.value,
    }
  );
};

export const listAccounts = async (db: Queryable): Promise<readonly Account[]> => {
  const { rows } = await db.query<AccountRow>(`SELECT ${ACCOUNT_COLUMNS} FROM accounts a ORDER BY a.name`);
  return rows.map(fromRow);
};

const NOW = 'extract(epoch FROM now())::integer';

/** Creates an account with one user of the same name. */
export const createAccount = async (
  tx: Queryable,
  account: {
    readonly name: string;
    readonly type: 'admin' | 'user';
    readonly email: string | null;
    readonly credential: string;
  },
): Promise<void> => {
  const { name, type, email, credential } = account;
  await tx.query(
    `INSERT INTO accounts (name, state, type, email, created_at, last_updated)
     VALUES ($1, 'enabled', $2::text::account_types, $3, ${NOW}, ${NOW}) ON CONFLICT DO NOTHING`,
    [name, type, email],
  );
  await tx.query(
    `INSERT INTO account_users (username, account_name, type, created_at, last_updated, uuid)
     VALUES ($1, $1, 'native', ${NOW}, ${NOW}, $2) ON CONFLICT DO NOTHING`,
    [name, randomUUID().replaceAll('-', '')],
  );
  await tx.query(
    `INSERT INTO user_access_credentials (username, type, value, created_at)
     VALUES ($1, 'password', $2, ${NOW}) ON CONFLICT DO NOTHING`,
    [name, credential],
  );
};
