import { AppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import type { Driver } from '../contract.ts';
import type { PayloadTable } from '../in-database/payload-table.ts';
import { TableDriver } from '../in-database/table-driver.ts';

const TABLE = 'archive_document';

/**
 * Base64 lines end with a line end, the last one too, as Python's `base64.encodebytes` writes them; PostgreSQL ends
 * only those that are full, with 57 bytes. (`rtrim` would need eight times the value's length in the server's memory.)
 */
const ENCODE = `encode(i.payload, 'base64') || CASE WHEN octet_length(i.payload) % 57 = 0 THEN '' ELSE E'\\n' END`;
const AS_TEXT = `convert_from(i.payload, 'UTF8')`;
const STORED_AS_BYTES = `convert_to(t.jsondata, 'UTF8')`;
/** By arithmetic, since `decode` would end a whole listing at one row that is not base64. */
const ENCODED_SIZE = `(SELECT octet_length(c.digits) / 4 * 3 - (2 - length(rtrim(right(c.digits, 2), '=')))
                         FROM (SELECT replace(t.jsondata, E'\\n', '') AS digits OFFSET 0) c)`;

/**
 * The embedded database's client takes a byte order mark from the beginning of a text, so no text may begin with one:
 * a character that stands before it, and does no harm to any text, goes first.
 */
const GUARD = '.';

const describeTable = (hasEncodedColumn: boolean): PayloadTable => {
  // NULL on rows from before the column was added: those are text.
  const encodedSql = hasEncodedColumn ? 'coalesce(t.b64_encoded, false)' : 'false';
  return {
    driver: 'db',
    table: TABLE,
    keyColumns: ['bucket', '"archiveId"', '"userId"', '"documentName"'],
    keyParts: ['bucket', 'archiveId', 'userId', 'documentName'],
    fixedColumns: {},
    storedColumn: 'jsondata',
    sentSql: `'${GUARD}' || t.jsondata`,
    payloadSql: hasEncodedColumn
      ? `CASE WHEN ${encodedSql} THEN decode(t.jsondata, 'base64') ELSE ${STORED_AS_BYTES} END`
      : STORED_AS_BYTES,
    sizeSql: hasEncodedColumn
      ? `CASE WHEN ${encodedSql} AND t.jsondata <> '' THEN ${ENCODED_SIZE} ELSE octet_length(t.jsondata) END`
      : 'octet_length(t.jsondata)',
    encodedSql,
    writtenColumns: {
      jsondata: hasEncodedColumn ? `CASE WHEN i.is_text THEN ${AS_TEXT} ELSE ${ENCODE} END` : AS_TEXT,
      ...(hasEncodedColumn ? { b64_encoded: 'NOT i.is_text' } : {}),
      record_state_key: `'active'`,
      record_state_val: 'NULL',
    },
    createdColumns: {},
    holdsBinary: hasEncodedColumn,
    decode: (sent, encoded) =>
      typeof sent === 'string' ? Buffer.from(sent.slice(GUARD.length), encoded ? 'base64' : 'utf8') : sent,
    // The URL does not name the document, and services find the row by its full key.
    rowKeyOf: ({ key }) => [key.bucket, key.archiveId, key.userId, key.documentName],
    documentOf: ([bucket = '', archiveId = '', userId = '']) => ({ userId, bucket, archiveId }),
  };
};

/** What a look at the catalogue says: the column came with Anchore 0.4.0. */
const findTable = async (db: Database): Promise<PayloadTable> => {
  const { rows } = await db.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass('${TABLE}') AND attnum > 0 AND NOT attisdropped`,
  );
  if (rows.length === 0)
    throw new AppError(
      'store.container-missing',
      `there is no table ${TABLE} in ${db.description}, schema ${db.schema}`,
    );
  return describeTable(rows.some((row) => row.name === 'b64_encoded'));
};

/**
 * Payloads in `archive_document`: text as it is, bytes that are not text as base64. A row whose `jsondata` is NULL
 * holds no object: it is not found, and may be filled.
 */
export const openDbDriver = (db: Database): Driver =>
  new TableDriver(db, describeTable(true), false, () => findTable(db));
