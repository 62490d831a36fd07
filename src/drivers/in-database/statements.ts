import type { PutOptions } from '../contract.ts';
import type { PayloadTable } from './payload-table.ts';

/**
 * The SQL of one payload table. Row keys come as one array a key column, `$1` to `$n`, and answers carry the position
 * in them.
 */
export interface Statements {
  /** `$n+1`: most bytes of a stored form that is sent at once. */
  readonly read: string;
  /** One row, `$1` to `$n`; `$n+1`: where to begin, from 1; `$n+2`: how many bytes. */
  readonly readPart: string;
  readonly describe: string;
  /** `$n+1`: the payload or payloads, `$n+2`: whether each is text. */
  readonly write: (mode: PutOptions['mode'], count: 'one' | 'many') => string;
  /** `$n+1`: the MD5 that each must have, or NULL. */
  readonly delete: string;
  /** `$1`: most rows; for the following pages `$2` to `$n+1`: the last row key that was seen. */
  readonly list: (page: 'first' | 'following') => string;
}

export const EPOCH_SECONDS = 'extract(epoch FROM now())::integer';

export const planStatements = (table: PayloadTable): Statements => {
  const { keyColumns, storedColumn, payloadSql, sizeSql, encodedSql } = table;
  const count = keyColumns.length;
  const aliases = keyColumns.map((_, index) => `k${index + 1}`);
  const fixed = Object.entries(table.fixedColumns);
  const present = `t.${storedColumn} IS NOT NULL`;
  const isFixed = fixed.map(([column, value]) => ` AND t.${column} = ${value}`).join('');
  const matches = `${keyColumns.map((column, index) => `t.${column} = i.${aliases[index]}`).join(' AND ')}${isFixed}`;
  const keyArrays = keyColumns.map((_, index) => `$${index + 1}::text[]`).join(', ');
  const keysOf = (prefix: string): string => keyColumns.map((column) => `${prefix}${column}`).join(', ');
  const selected = keyColumns.map((column, index) => `t.${column} AS ${aliases[index]}`).join(', ');
  const input = (arrays = '', names = ''): string =>
    `unnest(${keyArrays}${arrays}) WITH ORDINALITY AS i(${aliases.join(', ')}${names}, position)`;

  const write = (mode: PutOptions['mode'], howMany: 'one' | 'many'): string => {
    const payloads = howMany === 'one' ? `ARRAY[$${count + 1}::bytea]` : `$${count + 1}::bytea[]`;
    const columns = {
      ...table.createdColumns,
      ...table.writtenColumns,
      last_updated: EPOCH_SECONDS,
      created_at: EPOCH_SECONDS,
    };
    const updated = [...Object.keys(table.writtenColumns), 'last_updated'];
    return `INSERT INTO ${table.table} AS t (${[keysOf(''), ...fixed.map(([column]) => column), ...Object.keys(columns)].join(', ')})
      SELECT ${[...aliases.map((alias) => `i.${alias}`), ...fixed.map(([, value]) => value), ...Object.values(columns)].join(', ')}
        FROM ${input(`, ${payloads}, $${count + 2}::boolean[]`, ', payload, is_text')}
      ON CONFLICT (${[keysOf(''), ...fixed.map(([column]) => column)].join(', ')}) DO UPDATE
        SET ${updated.map((column) => `${column} = excluded.${column}`).join(', ')}
        ${mode === 'create' ? `WHERE t.${storedColumn} IS NULL` : ''}
      RETURNING ${selected}, md5(${payloadSql}) AS md5`;
  };

  return {
    read: `SELECT i.position::integer AS position, t.xmin::text AS version, ${encodedSql} AS encoded,
                  CASE WHEN octet_length(t.${storedColumn}) <= $${count + 1} THEN ${table.sentSql} END AS stored,
                  CASE WHEN octet_length(t.${storedColumn}) > $${count + 1}
                       THEN octet_length(${payloadSql}) END AS size_bytes
             FROM ${input()} JOIN ${table.table} t ON ${matches} WHERE ${present}`,
    readPart: `SELECT t.xmin::text AS version, substring(${payloadSql} FROM $${count + 1} FOR $${count + 2}) AS part
                 FROM ${table.table} t
                WHERE ${keyColumns.map((column, index) => `t.${column} = $${index + 1}`).join(' AND ')}${isFixed} AND ${present}`,
    // The payload is unpacked once: `OFFSET 0` keeps the planner from writing its expression out in both places.
    describe: `SELECT i.position::integer AS position, octet_length(p.payload) AS size_bytes, md5(p.payload) AS md5
                 FROM ${input()} JOIN ${table.table} t ON ${matches}
                      CROSS JOIN LATERAL (SELECT ${payloadSql} AS payload OFFSET 0) p
                WHERE ${present}`,
    write,
    delete: `WITH i AS (SELECT * FROM ${input(`, $${count + 1}::text[]`, ', md5')}),
                  gone AS (DELETE FROM ${table.table} t USING i
                            WHERE ${matches} AND ${present} AND (i.md5 IS NULL OR md5(${payloadSql}) = i.md5)
                        RETURNING i.position)
             SELECT i.position::integer AS position, gone.position IS NOT NULL AS deleted,
                    t.${keyColumns[0]} IS NOT NULL AS present
               FROM i LEFT JOIN gone ON gone.position = i.position
                      LEFT JOIN ${table.table} t ON ${matches} AND ${present}`,
    list: (page) => `SELECT ${selected}, ${sizeSql} AS size_bytes FROM ${table.table} t
       WHERE ${present}${isFixed}
         ${page === 'first' ? '' : `AND (${keysOf('t.')}) > (${keyColumns.map((_, index) => `$${index + 2}`).join(', ')})`}
       ORDER BY ${keysOf('t.')} LIMIT $1`,
  };
};
