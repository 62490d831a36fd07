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

/**
 * Where nobody could log in, creates the administrator, with the configuration's `default_admin_password` or a random
 * password, which is written to `passwordFile`. Returns that file where it was written.
 */
export const ensureAdministrator = async (
  db: Database,
  settings: EngineSettings,
  passwordFile: string,
): Promise<string | undefined> => {
  if (settings.users.length > 0 || !(await hasAccountTables(db)) || (await hasCredentials(db))) return undefined;
  const given = settings.defaultAdminPassword;
  const password = given ?? createPassword();
  registerSecret(password);
  if (given === undefined) {
    // Before the account: an account whose password nobody can find would be worse than a file without one.
    await mkdir(dirname(passwordFile), { recursive: true, mode: 0o700 });
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    await chmod(passwordFile, 0o600);
  }
  const account = { name: ADMIN, type: 'admin', email: settings.defaultAdminEmail } as const;
  const created = await createAccount(db, { ...account, credential: await hashPassword(password) });
  return created && given === undefined ? passwordFile : undefined;
};

/** Throws `refused.default-password` where other machines could log in with the password that everybody knows. */
export const refuseKnownPassword = async (directory: UserDirectory, settings: EngineSettings): Promise<void> => {
  const open = settings.services.find(({ listen }) => !isLoopback(listen));
  if (open === undefined) return;
  const names = new Set([ADMIN, ...settings.users.map(({ name }) => name)]);
  for (const name of names) {
    const user = await directory.findUser(name);
    if (user === undefined || !(await verifyPassword(KNOWN_PASSWORD, user.credential))) continue;
    throw new AppError(
      'refused.default-password',
      `the user ${name} has the default password, and ${open.name} would listen on ${open.listen}`,
    );
  }
};
