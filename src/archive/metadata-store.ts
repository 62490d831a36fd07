import type { Queryable } from '../database/database.ts';
import type { DocumentKey } from '../drivers/contract.ts';

/** A document's row in `archive_metadata`, as far as this system reads it. Source: COMPATIBILITY.md, Tables. */
export interface MetadataRow {
  readonly key: DocumentKey;
  /** NULL: a document without stored bytes. */
  readonly contentUrl: string | null;
  readonly compressed: boolean | null;
  /** Lower-case hex MD5 of the payload; NULL on rows from before 0.2.0. */
  readonly digest: string | null;
  readonly sizeBytes: number | null;
  /** Epoch seconds. */
  readonly lastUpdated: number | null;
}

interface Row {
  bucket: string;
  archiveId: string;
  userId: string;
  documentName: string;
  content_url: string | null;
  is_compressed: boolean | null;
  digest: string | null;
  size: number | null;
  last_updated: number | null;
}

const COLUMNS = 'bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest, size, last_updated';
const KEY_MATCH = 'bucket = $1 AND "archiveId" = $2 AND "userId" = $3 AND "documentName" = $4';

const fromRow = (row: Row): MetadataRow => ({
  key: { userId: row.userId, bucket: row.bucket, archiveId: row.archiveId, documentName: row.documentName },
  contentUrl: row.content_url,
  compressed: row.is_compressed,
  digest: row.digest,
  sizeBytes: row.size,
  lastUpdated: row.last_updated,
});

const keyValues = (key: DocumentKey): readonly string[] => [key.bucket, key.archiveId, key.userId, key.documentName];

export const findMetadata = async (db: Queryable, key: DocumentKey): Promise<MetadataRow | undefined> => {
  const { rows } = await db.query<Row>(`SELECT ${COLUMNS} FROM archive_metadata WHERE ${KEY_MATCH}`, keyValues(key));
  return rows[0] && fromRow(rows[0]);
};

/** The next rows in key order after `after` (from the start where undefined), at most `limit`. */
export const listMetadata = async (
  db: Queryable,
  after: DocumentKey | undefined,
  limit: number,
): Promise<readonly MetadataRow[]> => {
  const order = 'ORDER BY bucket, "archiveId", "userId", "documentName"';
  const { rows } =
    after === undefined
      ? await db.query<Row>(`SELECT ${COLUMNS} FROM archive_metadata ${order} LIMIT $1`, [limit])
      : await db.query<Row>(
          `SELECT ${COLUMNS} FROM archive_metadata
            WHERE (bucket, "archiveId", "userId", "documentName") > ($1, $2, $3, $4) ${order} LIMIT $5`,
          [...keyValues(after), limit],
        );
  return rows.map(fromRow);
};

export interface OwnDocuments {
  readonly userId: string;
  /** undefined: all buckets. */
  readonly bucket: string | undefined;
  /** Behind this one in the order of the list; undefined: from its start. */
  readonly after: { readonly bucket: string; readonly archiveId: string } | undefined;
  readonly limit: number;
}

/** Rows of one account's documents, those whose name follows from their archive id, by bucket and archive id. */
export const listOwnMetadata = async (
  db: Queryable,
  { userId, bucket, after, limit }: OwnDocuments,
): Promise<readonly MetadataRow[]> => {
  const values: (string | number)[] = [];
  const bind = (value: string | number): string => `$${values.push(value)}`;
  const conditions = [`"userId" = ${bind(userId)}`, `"documentName" = "archiveId" || '.json'`];
  if (bucket !== undefined) conditions.push(`bucket = ${bind(bucket)}`);
  if (after !== undefined) conditions.push(`(bucket, "archiveId") > (${bind(after.bucket)}, ${bind(after.archiveId)})`);
  const { rows } = await db.query<Row>(
    `SELECT ${COLUMNS} FROM archive_metadata WHERE ${conditions.join(' AND ')}
      ORDER BY bucket, "archiveId" LIMIT ${bind(limit)}`,
    values,
  );
  return rows.map(fromRow);
};

/** Of these content URLs, those that a metadata row names. */
export const findReferencedUrls = async (db: Queryable, urls: readonly string[]): Promise<ReadonlySet<string>> => {
  const { rows } = await db.query<{ content_url: string }>(
    'SELECT DISTINCT m.content_url FROM archive_metadata m JOIN unnest($1::text[]) AS u(url) ON m.content_url = u.url',
    [urls],
  );
  return new Set(rows.map((row) => row.content_url));
};

export interface NewMetadata {
  readonly contentUrl: string;
  readonly compressed: boolean;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Inserts or replaces the row of a document; times are the database's. */
export const putMetadata = async (db: Queryable, key: DocumentKey, row: NewMetadata): Promise<void> => {
  await db.query(
    `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest,
                                   size, created_at, last_updated, record_state_key)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, extract(epoch from now())::integer, extract(epoch from now())::integer, 'active')
     ON CONFLICT (bucket, "archiveId", "userId", "documentName") DO UPDATE
       SET content_url = EXCLUDED.content_url, is_compressed = EXCLUDED.is_compressed, digest = EXCLUDED.digest,
           size = EXCLUDED.size, last_updated = EXCLUDED.last_updated`,
    [...keyValues(key), row.contentUrl, row.compressed, row.digest, row.sizeBytes],
  );
};

/** Deletes the row; false where there was none. */
export const deleteMetadata = async (db: Queryable, key: DocumentKey): Promise<boolean> =>
  (await db.query(`DELETE FROM archive_metadata WHERE ${KEY_MATCH}`, keyValues(key))).count > 0;
