import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Account, User } from './account-store.ts';
import { AttemptLimit } from './attempt-limit.ts';
import { hashPassword, isComputed, type Verification, verifyPassword } from './password.ts';
import type { UserDirectory } from './user-directory.ts';

/** Who sent a request, and for which account. */
export interface Caller {
  readonly user: User;
  readonly isAdmin: boolean;
  /** Whose documents and policies the request is about. */
  readonly account: Account;
}

export interface Credentials {
  readonly authorization: string | undefined;
  /** The header `x-anchore-account`. */
  readonly asAccount: string | undefined;
  readonly clientAddress: string;
}

/** A hash takes 60 ms of a processor on purpose: what was right is known for a while. */
const REMEMBERED_MS = 60_000;
const MAX_REMEMBERED = 1000;
/** A failed attempt is answered no sooner: longer than the usual hashes take, whichever of them it was. */
const FAILED_ANSWER_MS = 250;
/** Hashes computed at once; the others wait. */
const MAX_HASHING = 2;
/** And so many wait, before requests are turned away. */
const MAX_WAITING = 100;

interface Attempt {
  readonly name: string;
  readonly password: string;
  readonly user: User | undefined;
  readonly clientAddress: string;
}

const unauthorized = (): AppError => new AppError('request.unauthorized', 'the user or the password is wrong');

const parseBasic = (header: string | undefined): { readonly name: string; readonly password: string } | undefined => {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
};

/** HTTP Basic against a directory of users. */
export class Authenticator {
  readonly #directory: UserDirectory;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #byUser: AttemptLimit;
  readonly #byAddress: AttemptLimit;
  /** Attempts under way, by what is tried and from where. */
  readonly #running = new Map<string, Promise<void>>();
  /** When a password that was found right was last used, by a keyed digest of it and of the credential that it matched. */
  readonly #remembered = new Map<string, number>();
  readonly #key = randomBytes(32);
  /** What is compared with where there is no such user, so that it takes as long. */
  readonly #decoy = hashPassword(randomBytes(16).toString('hex'));
  #hashing = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(directory: UserDirectory, log: Log, now: () => number = () => performance.now()) {
    this.#directory = directory;
    this.#log = log;
    this.#now = now;
    this.#byUser = new AttemptLimit(now);
    this.#byAddress = new AttemptLimit(now);
  }

  /** Throws `request.unauthorized`, `request.too-many`, `request.forbidden`, `request.not-found`. */
  async authenticate({ authorization, asAccount, clientAddress }: Credentials): Promise<Caller> {
    const basic = parseBasic(authorization);
    if (basic === undefined) throw unauthorized();
    const user = await this.#directory.findUser(basic.name);
    // Who has the right password in use is not locked out by somebody who guesses from the same address.
    if (user === undefined || !this.#isRemembered(user, basic.password))
      await this.#attemptOnce({ ...basic, user, clientAddress });
    if (user === undefined || user.account.state !== 'enabled') throw unauthorized();
    this.#remember(user, basic.password);
    const isAdmin = user.account.type === 'admin';
    return { user, isAdmin, account: await this.#findAccount(user, isAdmin, asAccount) };
  }

  /** Requests with the same name and password at the same time are one attempt: a client may begin with many. */
  #attemptOnce(attempt: Attempt): Promise<void> {
    const { name, user, password, clientAddress } = attempt;
    const which = `${this.#digest({ name, credential: user?.credential ?? '' }, password)} ${clientAddress}`;
    const running = this.#running.get(which);
    if (running !== undefined) return running;
    const begun = this.#attempt(attempt).finally(() => this.#running.delete(which));
    this.#running.set(which, begun);
    return begun;
  }

  async #attempt({ name, password, user, clientAddress }: Attempt): Promise<void> {
    const who = `${name}\n${clientAddress}`;
    const waitMs = Math.max(this.#byUser.waitMs(who), this.#byAddress.waitMs(clientAddress));
    if (waitMs > 0)
      throw new AppError('request.too-many', 'too many attempts to log in have failed', { retryAfterMs: waitMs });
    // Nothing is awaited between the look and the count.
    const counted = [this.#byUser.count(who)];
    if (user === undefined) counted.push(this.#byAddress.count(clientAddress));
    const giveBack = (): void => {
      for (const each of counted) each();
    };
    const answerAt = sleep(FAILED_ANSWER_MS, undefined, { ref: false });
    let verification: Verification;
    try {
      verification = await this.#verify(password, user?.credential);
    } catch (error) {
      giveBack();
      throw error;
    }
    if (verification.outcome === 'right' && user?.account.state === 'enabled') return giveBack();
    if (verification.outcome === 'unsupported')
      this.#log.warn(
        `the password of user ${JSON.stringify(name)} is stored as a hash of the scheme ${verification.scheme}, ` +
          'which cannot be checked here, or not with these parameters: nobody can log in as that user',
      );
    await answerAt;
    throw unauthorized();
  }

  async #findAccount(user: User, isAdmin: boolean, asAccount: string | undefined): Promise<Account> {
    if (asAccount === undefined || asAccount === user.account.name) return user.account;
    if (!isAdmin) throw new AppError('request.forbidden', 'only an administrator may use the header x-anchore-account');
    const account = (await this.#directory.listAccounts()).find(({ name }) => name === asAccount);
    if (account === undefined)
      throw new AppError('request.not-found', `there is no account ${JSON.stringify(asAccount)}`);
    return account;
  }

  #digest(user: Pick<User, 'name' | 'credential'>, password: string): string {
    const parts = JSON.stringify([user.name, user.credential, password]);
    return createHmac('sha256', this.#key).update(parts).digest('base64');
  }

  #isRemembered(user: User, password: string): boolean {
    const since = this.#remembered.get(this.#digest(user, password));
    return since !== undefined && this.#now() - since < REMEMBERED_MS;
  }

  /** Anew at each use: it ends when the password has not been used for a while. */
  #remember(user: User, password: string): void {
    const digest = this.#digest(user, password);
    this.#remembered.delete(digest);
    this.#remembered.set(digest, this.#now());
    if (this.#remembered.size > MAX_REMEMBERED) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
  }

  /** Takes as long where there is no such user, and where the password is not hashed: that would tell who there is. */
  async #verify(password: string, stored: string | undefined): Promise<Verification> {
    const decoy = await this.#decoy;
    if (this.#hashing >= MAX_HASHING) {
      if (this.#waiting.length >= MAX_WAITING)
        throw new AppError('service.unavailable', 'too many log in at once', { retryAfterMs: 1000 });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#hashing += 1;
    try {
      if (stored === undefined || !isComputed(stored)) await verifyPassword(password, decoy);
      return stored === undefined ? { outcome: 'wrong' } : await verifyPassword(password, stored);
    } finally {
      this.#hashing -= 1;
      this.#waiting.shift()?.();
    }
  }
}
