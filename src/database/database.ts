/**
 * The one way to the database, whether it is a PostgreSQL server or the embedded PGlite. Statements name tables without a
 * schema: every session's search_path is the schema of the connection URL. Errors arrive as AppError `database.*`, with
 * the server's own error as their cause.
 */
export interface Queryable {
  /**
   * bytea comes and goes as Uint8Array (Buffer), bigint as number (exact up to 2^53, else a thrown error), timestamps as
   * ISO text in UTC with microseconds (`2018-08-15T18:03:52.951364Z`), numeric as text. A bytea or text value beyond some 250 MB
   * does not fit into a string, as which it travels: read it in parts with `substring`.
   */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<QueryAnswer<Row>>;
}

export interface QueryAnswer<Row> {
  readonly rows: readonly Row[];
  /** Rows returned or changed. */
  readonly count: number;
}

/** One database session of its own: what it locks or sets lasts until it is disposed of. */
export interface Session extends Queryable, AsyncDisposable {
  /** Aborted when the session's connection is lost. */
  readonly lost: AbortSignal;
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
}

export interface Database extends Queryable, AsyncDisposable {
  readonly kind: 'postgres' | 'embedded';
  /** For a person, without secrets: `postgres@127.0.0.1:5432/postgres` or the embedded database's folder. */
  readonly description: string;
  /** The schema in which the tables are. */
  readonly schema: string;
  /** Runs the work in one transaction: commits when it resolves, rolls back when it throws. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /**
   * A session of its own. The embedded database has only one: there the session shares it, and must not be in a
   * transaction while other statements are waited for.
   */
  openSession(): Promise<Session>;
  /** Embedded: writes all that was committed to the disk (it never does so by itself). PostgreSQL: does nothing. */
  sync(): Promise<void>;
}
