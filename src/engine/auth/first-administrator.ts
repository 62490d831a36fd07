import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { registerSecret } from '../../core/secrets.ts';
import type { Database } from '../../database/database.ts';
import { type EngineSettings, isLoopback } from '../settings.ts';
import { createAccount, hasAccountTables, hasCredentials } from './account-store.ts';
import { createPassword, hashPassword, verifyPassword } from './password.ts';
import { ADMIN, type UserDirectory } from './user-directory.ts';

/** The password of the original's own example, which everybody knows. */
const KNOWN_PASSWORD = 'foobar';

/** The advisory lock under which the first administrator is created: of several services that start at once, by one. */
const FIRST_LOCK = [0x6167, 0];

const writePassword = async (file: string, password: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
};

/**
 * Where nobody could log in, creates the administrator, with the configuration's `default_admin_password` or a random
 * password, which is written to `passwordFile`. Says where the password is to be found, which it never tells itself.
 */
export const ensureAdministrator = async (
  db: Database,
  settings: EngineSettings,
  passwordFile: string,
): Promise<string> => {
  const withTables = await hasAccountTables(db);
  if (!withTables || (settings.users.length > 0 && !(await hasCredentials(db))))
    return 'that of credentials.users in the configuration';
  const given = settings.defaultAdminPassword;
  const password = given ?? createPassword();
  registerSecret(password);
  return db.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1::int, $2::int)', FIRST_LOCK);
    const inFile = `in the file ${passwordFile}`;
    if (await hasCredentials(tx)) return existsSync(passwordFile) ? inFile : 'that of the database';
    // Before the account: an account whose password nobody can find would be worse than a file without one.
    if (given === undefined) await writePassword(passwordFile, password);
    const account = { name: ADMIN, type: 'admin', email: settings.defaultAdminEmail } as const;
    await createAccount(tx, { ...account, credential: await hashPassword(password) });
    return given === undefined ? inFile : 'default_admin_password of the configuration';
  });
};

/** Throws `refused.default-password` where other machines could log in with the password that everybody knows. */
export const refuseKnownPassword = async (directory: UserDirectory, settings: EngineSettings): Promise<void> => {
  const open = settings.services.find(({ listen }) => !isLoopback(listen));
  if (open === undefined) return;
  const names = new Set([ADMIN, ...settings.users.map(({ name }) => name)]);
  for (const name of names) {
    const user = await directory.findUser(name);
    if (user === undefined || (await verifyPassword(KNOWN_PASSWORD, user.credential)).outcome !== 'right') continue;
    throw new AppError(
      'refused.default-password',
      `the user ${name} has the default password, and ${open.name} would listen on ${open.listen}`,
    );
  }
};
