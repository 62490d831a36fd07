import type { Pool, PoolClient } from 'pg';
import { toAppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Database, QueryAnswer, Queryable, Session } from './database.ts';
import type { ExclusiveUse } from './exclusive-use.ts';
import { runTransaction, StatementRunner } from './statement-runner.ts';

export interface PooledDatabaseParts {
  readonly kind: Database['kind'];
  readonly schema: string;
  readonly description: string;
  readonly log: Log;
  /** Gives a connection of the pool that is ready for use; tries again as configured while the server cannot be reached. */
  readonly acquire: () => Promise<PoolClient>;
  /** Opens a connection outside of the pool. */
  readonly openSession: () => Promise<Session>;
  /** Where there is but one connection: finds the deadlock of who waits for it while having it. */
  readonly exclusive?: ExclusiveUse;
  readonly sync: () => Promise<void>;
  /** Called when the pool has ended. */
  readonly close?: () => Promise<void>;
}

/** How long closing waits for statements that are still under way before it cuts their connections. */
const CLOSE_TIMEOUT_MS = 5000;

/** A database through a pool. Statements outside of a transaction each take any connection. */
export class PooledDatabase implements Database {
  readonly kind: Database['kind'];
  readonly schema: string;
  readonly description: string;
  readonly #pool: Pool;
  readonly #parts: PooledDatabaseParts;
  readonly #runners = new Map<PoolClient, StatementRunner>();
  readonly #sessions = new Set<Session>();
  #closing: Promise<void> | undefined;

  constructor(pool: Pool, parts: PooledDatabaseParts) {
    this.#pool = pool;
    this.#parts = parts;
    this.kind = parts.kind;
    this.schema = parts.schema;
    this.description = parts.description;
    // The pool has already removed the connection; the next statement gets another.
    pool.on('error', (error) => parts.log.debug(`an idle database connection ended: ${error.message}`));
    pool.on('remove', (client) => this.#runners.delete(client));
  }

  async #use<T>(work: (runner: StatementRunner) => Promise<T>): Promise<T> {
    const { exclusive } = this.#parts;
    return exclusive === undefined ? this.#useAny(work) : exclusive.run(() => this.#useAny(work));
  }

  async #useAny<T>(work: (runner: StatementRunner) => Promise<T>): Promise<T> {
    const client = await this.#parts.acquire();
    const runner = this.#runners.get(client) ?? new StatementRunner(client, this.description);
    this.#runners.set(client, runner);
    try {
      return await work(runner);
    } finally {
      client.release(runner.lost.aborted || this.#isInTransaction(client));
    }
  }

  /** Somebody's own BEGIN must not become part of another's work. */
  #isInTransaction(client: PoolClient): boolean {
    if (this.kind === 'embedded') return false;
    const { getTransactionStatus } = client as { getTransactionStatus?: () => string | null };
    return getTransactionStatus !== undefined && getTransactionStatus.call(client) !== 'I';
  }

  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<QueryAnswer<Row>> {
    return this.#use((runner) => runner.query<Row>(text, values));
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#use((runner) => runTransaction(runner, work));
  }

  async openSession(): Promise<Session> {
    const session = await this.#parts.openSession();
    this.#sessions.add(session);
    return session;
  }

  sync(): Promise<void> {
    return this.#parts.sync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const late = setTimeout(() => {
      for (const client of this.#runners.keys()) destroySocket(client);
    }, CLOSE_TIMEOUT_MS);
    try {
      for (const session of this.#sessions) await session[Symbol.asyncDispose]();
      await this.#pool.end();
    } catch (error) {
      this.#parts.log.debug(`closing the database: ${toAppError(error).message}`);
    } finally {
      clearTimeout(late);
      await this.#parts.close?.();
    }
  }
}

/** Cuts a connection at once; its statement fails with `database.lost`. */
export const destroySocket = (client: object): void => {
  const { connection } = client as { readonly connection?: { readonly stream?: { destroy?: () => void } } };
  connection?.stream?.destroy?.();
};
