import type { DocumentKey, ObjectRef } from '../contract.ts';

/** A table that holds one payload a row, and how bytes become its columns. Every SQL text here is ours, never input. */
export interface PayloadTable {
  readonly driver: 'db' | 'db2';
  readonly table: string;
  /** The columns that tell rows apart, in the order of the table's key. */
  readonly keyColumns: readonly string[];
  /** What each of them holds of a document's key. */
  readonly keyParts: readonly (keyof DocumentKey)[];
  /** Columns of the key that always hold the same, by name. */
  readonly fixedColumns: Readonly<Record<string, string>>;
  /** The column that holds the payload in its stored form. NULL there is no object. */
  readonly storedColumn: string;
  /** The same column of row `t` in the form in which `decode` takes it. */
  readonly sentSql: string;
  /** The payload of row `t` as bytea. */
  readonly payloadSql: string;
  /** The payload's length; unlike `payloadSql` it never fails, whatever the row holds. */
  readonly sizeSql: string;
  /** Whether the stored form of row `t` is an encoding of the payload, which `decode` undoes. */
  readonly encodedSql: string;
  /** What a write sets, by column, from `i.payload` (bytea) and `i.is_text` (boolean). */
  readonly writtenColumns: Readonly<Record<string, string>>;
  /** The same that only a new row gets. */
  readonly createdColumns: Readonly<Record<string, string>>;
  /** Whether the table can hold bytes that are not text. */
  readonly holdsBinary: boolean;
  /** What `sentSql` gave, as the payload. */
  readonly decode: (stored: string | Uint8Array, encoded: boolean) => Uint8Array;
  /** The values of `keyColumns`. */
  readonly rowKeyOf: (ref: ObjectRef) => readonly string[];
  readonly documentOf: (rowKey: readonly string[]) => Omit<DocumentKey, 'documentName'>;
}
