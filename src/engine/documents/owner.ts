import { randomInt } from 'node:crypto';
import { tryAdvisoryLock } from '../../database/advisory-lock.ts';
import type { Database, Session } from '../../database/database.ts';
import { OWNER_LOCK_CLASS } from './intent-store.ts';

/** This service among those that use the database: a lock that the server frees when the service is gone. */
export interface Owner {
  readonly id: number;
  /** Aborted when the lock may be lost: what it protected must stop. */
  readonly lost: AbortSignal;
}

/** Keeps such a lock, and takes another with a new session where one is lost. */
export class OwnerLock implements AsyncDisposable {
  readonly #db: Database;
  #current: Promise<{ readonly owner: Owner; readonly session: Session }> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  async get(): Promise<Owner> {
    const found = await (this.#current ??= this.#take());
    if (!found.owner.lost.aborted) return found.owner;
    this.#current = undefined;
    await found.session[Symbol.asyncDispose]();
    return this.get();
  }

  async #take(): Promise<{ readonly owner: Owner; readonly session: Session }> {
    try {
      const session = await this.#db.openSession();
      for (;;) {
        const id = randomInt(1, 2 ** 31);
        if (await tryAdvisoryLock(session, { classId: OWNER_LOCK_CLASS, objectId: id }))
          return { owner: { id, lost: session.lost }, session };
      }
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const held = await this.#current?.catch(() => undefined);
    await held?.session[Symbol.asyncDispose]();
  }
}
