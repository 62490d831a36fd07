import type { Client } from 'pg';
import type { QueryAnswer, Queryable, Session } from './database.ts';
import { ExclusiveUse } from './exclusive-use.ts';
import { destroySocket } from './pooled-database.ts';
import { runTransaction, type StatementRunner } from './statement-runner.ts';

const CLOSE_TIMEOUT_MS = 5000;

/** One connection of its own. Statements wait for a transaction that is under way. */
export class PostgresSession implements Session {
  readonly #client: Client;
  readonly #runner: StatementRunner;
  readonly #use = new ExclusiveUse();
  #closing: Promise<void> | undefined;

  constructor(client: Client, runner: StatementRunner) {
    this.#client = client;
    this.#runner = runner;
  }

  get lost(): AbortSignal {
    return this.#runner.lost;
  }

  async query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<QueryAnswer<Row>> {
    return this.#use.run(() => this.#runner.query<Row>(text, values));
  }

  async transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#use.run(() => runTransaction(this.#runner, work));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#runner.lost.aborted) return;
    const late = setTimeout(() => destroySocket(this.#client), CLOSE_TIMEOUT_MS);
    // What the server does with a closed connection does not matter any more.
    await this.#client.end().catch(() => undefined);
    clearTimeout(late);
  }
}
