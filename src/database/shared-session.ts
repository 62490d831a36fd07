import type { Database, QueryAnswer, Queryable, Session } from './database.ts';

/** How many sessions of one embedded database are open: they share its only connection, and so its locks. */
const openSessions = new WeakMap<Database, number>();

/** A session of the embedded database, which has only one. It cannot be lost apart from the process. */
export class SharedSession implements Session {
  readonly lost = new AbortController().signal;
  readonly #database: Database;
  #open = true;

  constructor(database: Database) {
    this.#database = database;
    openSessions.set(database, (openSessions.get(database) ?? 0) + 1);
  }

  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<QueryAnswer<Row>> {
    return this.#database.query<Row>(text, values);
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#database.transaction(work);
  }

  /** The last one takes the advisory locks with it, as the end of a PostgreSQL session does. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    const left = (openSessions.get(this.#database) ?? 1) - 1;
    openSessions.set(this.#database, left);
    if (left === 0) await this.#database.query('SELECT pg_advisory_unlock_all()');
  }
}
