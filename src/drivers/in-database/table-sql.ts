import type { KeySql, TableSql } from '../contract.ts';
import type { PayloadTable } from './payload-table.ts';
import { EPOCH_SECONDS } from './statements.ts';

const INPUT: KeySql = {
  userId: 'i.user_id',
  bucket: 'i.bucket',
  archiveId: 'i.archive_id',
  documentName: 'i.document_name',
};

/** The SQL by which a statement of others moves payloads into and out of the table, without their passing through here. */
export const planTableSql = (table: PayloadTable): TableSql => {
  const { keyColumns, keyParts, storedColumn } = table;
  const fixed = Object.entries(table.fixedColumns);
  const isFixed = fixed.map(([column, value]) => ` AND t.${column} = ${value}`).join('');
  const columns = {
    ...table.createdColumns,
    ...table.writtenColumns,
    last_updated: EPOCH_SECONDS,
    created_at: EPOCH_SECONDS,
  };
  const names = [...keyColumns, ...fixed.map(([column]) => column), ...Object.keys(columns)];
  const values = [
    ...keyParts.map((part) => INPUT[part]),
    ...fixed.map(([, value]) => value),
    ...Object.values(columns),
  ];
  return {
    table: `${table.table} t`,
    matches: (key) =>
      `${keyColumns.map((column, index) => `t.${column} = ${key[keyParts[index] ?? 'archiveId']}`).join(' AND ')}${isFixed}
         AND t.${storedColumn} IS NOT NULL`,
    locate: (key) => `'${table.driver}://' || ${key.userId} || '/' || ${key.bucket} || '/' || ${key.archiveId}`,
    payload: table.payloadSql,
    // As text, where the table keeps texts: a payload that is none makes the statement fail.
    insert: (select, returning) =>
      `INSERT INTO ${table.table} AS t (${names.join(', ')})
       SELECT ${values.join(', ')} FROM (SELECT s.*, true AS is_text FROM (${select}) s) i
       ON CONFLICT DO NOTHING RETURNING ${returning}`,
  };
};
