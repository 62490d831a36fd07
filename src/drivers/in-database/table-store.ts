import { AppError, isAppError, messageOf } from '../../core/errors.ts';
import { findSqlState } from '../../database/database-errors.ts';
import type { Database, QueryAnswer } from '../../database/database.ts';
import type {
  BulkResult,
  DeleteItem,
  DeleteOutcome,
  ObjectInfo,
  ObjectRef,
  PutOptions,
  PutReceipt,
  StoredObject,
  TableSql,
} from '../contract.ts';
import { encodeByteaArray } from './binary-array.ts';
import type { PayloadTable } from './payload-table.ts';
import { planStatements, type Statements } from './statements.ts';
import { planTableSql } from './table-sql.ts';

/** Larger payloads are read in parts, each of which travels as a text of twice its length. */
const PART_BYTES = 4 * 1024 * 1024;
/** For each part the server unpacks the whole value again, so there are only so many. */
const MOST_PARTS = 16;

export interface BytesItem {
  readonly ref: ObjectRef;
  readonly bytes: Uint8Array;
  /** Valid UTF-8 without NUL. */
  readonly isText: boolean;
}

interface ReadRow {
  readonly position: number;
  /** Changes with every update of the row. */
  readonly version: string;
  readonly encoded: boolean;
  readonly stored: string | Uint8Array | null;
  readonly size_bytes: number | null;
}

/** With the row key as `k1`, `k2`, ... */
type KeyedRow = Readonly<Record<string, string>>;
type WrittenRow = KeyedRow & { readonly md5: string };
type ListedRow = KeyedRow & { readonly size_bytes: number };

/** One payload table: rows in, rows out. Errors of the database come as they are, unless a row is to blame. */
export class TableStore {
  readonly #db: Database;
  readonly #table: PayloadTable;
  readonly #sql: Statements;

  constructor(db: Database, table: PayloadTable) {
    this.#db = db;
    this.#table = table;
    this.#sql = planStatements(table);
  }

  get sql(): TableSql {
    return planTableSql(this.#table);
  }

  async read(ref: ObjectRef): Promise<StoredObject> {
    const [row] = (await this.#readRows([ref])).values();
    if (row === undefined) throw notFound(ref);
    if (row.stored === null) return { sizeBytes: row.size_bytes ?? undefined, chunks: this.#readParts(ref, row) };
    const bytes = this.#table.decode(row.stored, row.encoded);
    return {
      sizeBytes: bytes.length,
      chunks: (async function* () {
        if (bytes.length > 0) yield bytes;
      })(),
    };
  }

  async readMany(refs: readonly ObjectRef[]): Promise<readonly BulkResult<Uint8Array>[]> {
    const rows = await this.#readRows(refs);
    const results: BulkResult<Uint8Array>[] = [];
    for (const [index, ref] of refs.entries()) {
      const row = rows.get(index);
      if (row === undefined) {
        results.push({ ok: false, error: notFound(ref) });
      } else if (row.stored !== null) {
        results.push({ ok: true, value: this.#table.decode(row.stored, row.encoded) });
      } else {
        const parts: Uint8Array[] = [];
        for await (const part of this.#readParts(ref, row)) parts.push(part);
        results.push({ ok: true, value: Buffer.concat(parts) });
      }
    }
    return results;
  }

  async describe(refs: readonly ObjectRef[]): Promise<readonly (ObjectInfo | undefined)[]> {
    const answer = await this.#query<{ position: number; size_bytes: number; md5: string }>(
      this.#sql.describe,
      this.#keysOf(refs),
    );
    const found = new Map(answer.rows.map((row) => [row.position - 1, { sizeBytes: row.size_bytes, md5: row.md5 }]));
    return refs.map((_, index) => found.get(index));
  }

  async write(items: readonly BytesItem[], mode: PutOptions['mode']): Promise<readonly BulkResult<PutReceipt>[]> {
    const held = items.filter((item) => this.#holds(item));
    const written = held.length === 0 ? new Map<string, WrittenRow>() : await this.#writeRows(held, mode);
    return items.map((item): BulkResult<PutReceipt> => {
      const { ref } = item;
      if (!this.#holds(item)) {
        const text = `${ref.url}: ${this.#table.table} has no column b64_encoded in this database, so it only holds text`;
        return { ok: false, error: new AppError('store.failed', text) };
      }
      const row = written.get(JSON.stringify(this.#table.rowKeyOf(ref)));
      if (row === undefined) return { ok: false, error: new AppError('store.exists', `${ref.url} is there already`) };
      return { ok: true, value: { url: ref.url, md5: row.md5, sizeBytes: undefined } };
    });
  }

  #holds(item: BytesItem): boolean {
    return this.#table.holdsBinary || item.isText;
  }

  async #writeRows(items: readonly BytesItem[], mode: PutOptions['mode']): Promise<ReadonlyMap<string, WrittenRow>> {
    const [first] = items;
    const one = items.length === 1 && first !== undefined;
    // A single payload can be large, and goes as it is, without being copied into an array.
    const payloads = one ? first.bytes : encodeByteaArray(items.map((item) => item.bytes));
    const { rows } = await this.#query<WrittenRow>(this.#sql.write(mode, one ? 'one' : 'many'), [
      ...this.#keysOf(items.map((item) => item.ref)),
      payloads,
      items.map((item) => item.isText),
    ]);
    return new Map(rows.map((row) => [JSON.stringify(this.#rowKeyOf(row)), row]));
  }

  async delete(items: readonly DeleteItem[]): Promise<readonly DeleteOutcome[]> {
    const { rows } = await this.#query<{ position: number; deleted: boolean; present: boolean }>(this.#sql.delete, [
      ...this.#keysOf(items.map((item) => item.ref)),
      items.map((item) => item.md5 ?? null),
    ]);
    const outcomes = new Map(
      rows.map((row) => [row.position - 1, row.deleted ? 'deleted' : row.present ? 'changed' : 'absent'] as const),
    );
    return items.map((_, index) => ({ outcome: outcomes.get(index) ?? 'absent' }));
  }

  async list(
    after: readonly string[] | undefined,
    maxRows: number,
  ): Promise<readonly { readonly rowKey: readonly string[]; readonly sizeBytes: number }[]> {
    const { rows } = await this.#query<ListedRow>(this.#sql.list(after === undefined ? 'first' : 'following'), [
      maxRows,
      ...(after ?? []),
    ]);
    return rows.map((row) => ({ rowKey: this.#rowKeyOf(row), sizeBytes: row.size_bytes }));
  }

  async #readRows(refs: readonly ObjectRef[]): Promise<ReadonlyMap<number, ReadRow>> {
    const { rows } = await this.#query<ReadRow>(this.#sql.read, [...this.#keysOf(refs), PART_BYTES]);
    return new Map(rows.map((row) => [row.position - 1, row]));
  }

  /**
   * Each part is a statement of its own, so that nothing is held open between them: the row's version tells whether it
   * changed.
   */
  async *#readParts(ref: ObjectRef, row: ReadRow): AsyncGenerator<Uint8Array> {
    const sizeBytes = row.size_bytes ?? 0;
    const partBytes = Math.max(PART_BYTES, Math.ceil(sizeBytes / MOST_PARTS));
    for (let start = 0; start < sizeBytes; start += partBytes) {
      const { rows } = await this.#query<{ version: string; part: Uint8Array }>(this.#sql.readPart, [
        ...this.#table.rowKeyOf(ref),
        start + 1,
        partBytes,
      ]);
      const [found] = rows;
      if (found?.version !== row.version)
        throw new AppError('store.corrupt', `${ref.url} was changed while it was read`);
      yield found.part;
    }
  }

  #keysOf(refs: readonly ObjectRef[]): readonly (readonly string[])[] {
    const rowKeys = refs.map((ref) => this.#table.rowKeyOf(ref));
    return this.#table.keyColumns.map((_, column) => rowKeys.map((rowKey) => rowKey[column] ?? ''));
  }

  #rowKeyOf(row: KeyedRow): readonly string[] {
    return this.#table.keyColumns.map((_, index) => row[`k${index + 1}`] ?? '');
  }

  async #query<Row extends object>(text: string, values: readonly unknown[]): Promise<QueryAnswer<Row>> {
    try {
      return await this.#db.query<Row>(text, values);
    } catch (error) {
      throw explain(error, this.#table);
    }
  }
}

const notFound = (ref: ObjectRef): AppError => new AppError('store.not-found', `${ref.url} is not there`);

/** What a statement on payloads means with these codes (PostgreSQL, appendix A). */
const explain = (error: unknown, { table }: PayloadTable): unknown => {
  if (!isAppError(error)) return error;
  const options = { cause: error, retryable: false };
  switch (findSqlState(error)) {
    case '22023': // decode() of something that is not base64
      return new AppError(
        'store.corrupt',
        `a row of ${table} is not the base64 that it says it is: ${messageOf(error)}`,
        options,
      );
    case '54000': // the key is longer than the index takes, or the value than a value can be
    case '53200': // no memory for a value of this size
      return new AppError(
        'store.too-large',
        `a key or payload is too large for ${table}: ${messageOf(error)}`,
        options,
      );
    default:
      return error;
  }
};
