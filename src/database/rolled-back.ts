import type { Database, QueryAnswer, Queryable, Session } from './database.ts';
import { AppError } from '../core/errors.ts';

/** Ends the transaction without being anybody's error. */
class RollBack extends Error {}

/**
 * Runs the work in one transaction that is always rolled back: what it creates, changes and deletes through the database it is
 * given is real to it alone, and gone afterwards. For trying out what would happen.
 */
export const inRolledBackTransaction = async <T>(
  db: Database,
  work: (rehearsed: Database, session: Session) => Promise<T>,
): Promise<T> => {
  await using session = await db.openSession();
  let outcome: { readonly value: T } | undefined;
  try {
    await session.transaction(async (tx) => {
      outcome = { value: await work(new RolledBackDatabase(db, tx), session) };
      throw new RollBack();
    });
  } catch (error) {
    if (!(error instanceof RollBack)) throw error;
  }
  if (outcome === undefined) throw new AppError('internal', 'a transaction that is rolled back has ended by itself');
  return outcome.value;
};

/** One transaction as a database of its own. Transactions inside it are savepoints, one after the other. */
class RolledBackDatabase implements Database {
  readonly kind: Database['kind'];
  readonly description: string;
  readonly schema: string;
  readonly #tx: Queryable;
  #last: Promise<unknown> = Promise.resolve();

  constructor(db: Database, tx: Queryable) {
    this.kind = db.kind;
    this.description = db.description;
    this.schema = db.schema;
    this.#tx = tx;
  }

  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<QueryAnswer<Row>> {
    return this.#tx.query<Row>(text, values);
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      await this.#tx.query('SAVEPOINT inner_transaction');
      try {
        const value = await work(this.#tx);
        await this.#tx.query('RELEASE SAVEPOINT inner_transaction');
        return value;
      } catch (error) {
        await this.#tx.query('ROLLBACK TO SAVEPOINT inner_transaction').catch(() => undefined);
        throw error;
      }
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  openSession(): Promise<Session> {
    return Promise.reject(new AppError('internal', 'a transaction that is rolled back has no other session'));
  }

  async sync(): Promise<void> {
    // Nothing of it is to last.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It ends with the transaction.
  }
}
