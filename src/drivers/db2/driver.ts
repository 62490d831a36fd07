import { AppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import type { Driver, ObjectRef } from '../contract.ts';
import type { PayloadTable } from '../in-database/payload-table.ts';
import { TableDriver } from '../in-database/table-driver.ts';

const TABLE = 'object_storage';
const SCHEME = 'db2://';

/**
 * Services find the object by its URL. It is ambiguous only where a user or bucket holds a slash: then the row's key
 * decides.
 */
const rowKeyOf = ({ key, url }: ObjectRef): readonly string[] => {
  if (url === `${SCHEME}${key.userId}/${key.bucket}/${key.archiveId}`) return [key.userId, key.bucket, key.archiveId];
  const match = url.startsWith(SCHEME) ? /^([^/]*)\/([^/]*)\/(.*)$/s.exec(url.slice(SCHEME.length)) : null;
  if (match === null) throw new AppError('store.invalid-url', `${url}: expected ${SCHEME}<user>/<bucket>/<archive id>`);
  return match.slice(1);
};

const PAYLOAD_TABLE: PayloadTable = {
  driver: 'db2',
  table: TABLE,
  keyColumns: ['"userId"', 'bucket', 'key'],
  keyParts: ['userId', 'bucket', 'archiveId'],
  fixedColumns: { version: `''` },
  storedColumn: 'content',
  sentSql: 't.content',
  payloadSql: 't.content',
  sizeSql: 'octet_length(t.content)',
  encodedSql: 'false',
  writtenColumns: { content: 'i.payload' },
  createdColumns: { object_metadata: 'NULL' },
  holdsBinary: true,
  decode: (stored) => (typeof stored === 'string' ? Buffer.from(stored) : stored),
  rowKeyOf,
  documentOf: ([userId = '', bucket = '', archiveId = '']) => ({ userId, bucket, archiveId }),
};

const findTable = async (db: Database): Promise<PayloadTable> => {
  const { rows } = await db.query<{ found: boolean }>(`SELECT to_regclass('${TABLE}') IS NOT NULL AS found`);
  if (rows[0]?.found === true) return PAYLOAD_TABLE;
  throw new AppError('store.container-missing', `there is no table ${TABLE} in ${db.description}, schema ${db.schema}`);
};

/**
 * Payloads in `object_storage`, as bytes. A row whose `content` is NULL holds no object: it is not found, and may be
 * filled.
 */
export const openDb2Driver = (db: Database): Driver => new TableDriver(db, PAYLOAD_TABLE, true, () => findTable(db));
