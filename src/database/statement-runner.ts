import type { ClientBase } from 'pg';
import { AppError, isAppError, messageOf } from '../core/errors.ts';
import { type DatabaseStep, findSqlState, toDatabaseError, unknownOutcome } from './database-errors.ts';
import type { QueryAnswer, Queryable } from './database.ts';

/** Dates travel as UTC, not in this process's time zone, which a column without a zone would take literally. */
const toParameter = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);

/** Runs statements on one connection, one after the other, and knows when it is lost. */
export class StatementRunner implements Queryable {
  readonly #client: ClientBase;
  readonly #place: string;
  readonly #lost = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: ClientBase, place: string) {
    this.#client = client;
    this.#place = place;
    // Without a listener an error of an idle connection would end the process.
    client.on('error', (error) => this.#noteLoss(error));
    client.on('end', () => this.#noteLoss(new Error('the server closed the connection')));
  }

  /** Aborted, with the AppError as its reason, when the connection is lost or was closed. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  #noteLoss(cause: unknown): void {
    if (this.#lost.signal.aborted) return;
    const text = `database ${this.#place}: the connection was lost: ${messageOf(cause)}`;
    this.#lost.abort(new AppError('database.lost', text, { cause }));
  }

  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<QueryAnswer<Row>> {
    return this.#enqueue('statement', async () => {
      const result = await this.#client.query<Row & Record<string, unknown>>(text, values?.map(toParameter));
      // Several statements in one text have several answers: the last counts.
      const last = Array.isArray(result) ? (result.at(-1) as typeof result) : result;
      return { rows: last.rows, count: last.rowCount ?? 0 };
    });
  }

  /** Throws `database.lost` with an unknown outcome, or the error for which the server rolled back. */
  async commit(): Promise<void> {
    const command = await this.#enqueue('commit', async () => (await this.#client.query('COMMIT')).command);
    if (command !== 'COMMIT') {
      throw new AppError(
        'database.failed',
        `database ${this.#place}: the transaction was rolled back, since a statement in it had failed`,
      );
    }
  }

  /** pg queues statements by itself, but has announced that it will not for ever. */
  #enqueue<T>(step: DatabaseStep, run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(async () => {
      // Checked before anything is sent: at COMMIT, too, nothing has happened yet.
      if (this.#lost.signal.aborted) throw this.#lostError('statement');
      try {
        return await run();
      } catch (error) {
        // pg announces the loss before it fails the statements that were under way, with errors that have no code.
        const lost = this.#lost.signal.aborted && findSqlState(error) === undefined;
        const mapped = lost ? this.#lostError(step) : toDatabaseError(error, this.#place, step);
        if (mapped.code === 'database.lost') this.#noteLoss(error);
        throw mapped;
      }
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  #lostError(step: DatabaseStep): AppError {
    const reason: unknown = this.#lost.signal.reason;
    const cause = isAppError(reason) ? reason.cause : reason;
    return step === 'commit'
      ? unknownOutcome(this.#place, cause)
      : new AppError('database.lost', messageOf(reason), { cause });
  }
}

/** Runs the work between BEGIN and COMMIT. What it was given stops working when it ends. */
export const runTransaction = async <T>(runner: StatementRunner, work: (tx: Queryable) => Promise<T>): Promise<T> => {
  let open = true;
  const tx: Queryable = {
    query: (text, values) => {
      if (!open) throw new AppError('internal', 'a statement came after the end of its transaction');
      return runner.query(text, values);
    },
  };
  await runner.query('BEGIN');
  try {
    const result = await work(tx);
    open = false;
    await runner.commit();
    return result;
  } catch (error) {
    open = false;
    // The server ends the transaction of a lost connection by itself. The first error is the one that counts.
    if (!runner.lost.aborted) await runner.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
};
