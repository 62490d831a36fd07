import pg from 'pg';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { ensureAnchoreTables } from '../../src/database/schema/anchore-tables.ts';
import { createBodies, type Sizes } from './bodies.ts';

export interface ArchiveShape {
  readonly documents: number;
  readonly sizes: Sizes;
  readonly seed: number;
  /** Where they are; default `db`. */
  readonly driver?: 'db' | 'db2';
}

/** So many different bodies; each document has one of them and text of its own, so that no two are equal. */
const BODIES = 512;
const BODIES_LARGE = 64;
const LARGE_BYTES = 100_000;

/** All documents of one table in one statement to the other, and nothing else: what a move between them cannot do without. */
export const COPY_TO_DB2 = `
  INSERT INTO object_storage ("userId", bucket, key, version, content, created_at, last_updated)
  SELECT "userId", bucket, "archiveId", '', convert_to(jsondata, 'UTF8'), created_at, last_updated FROM archive_document`;
export const COPY_TO_DB = `
  INSERT INTO archive_document
    (bucket, "archiveId", "userId", "documentName", created_at, last_updated, record_state_key, jsondata, b64_encoded)
  SELECT bucket, key, "userId", key || '.json', created_at, last_updated, 'active', convert_from(content, 'UTF8'), false
    FROM object_storage`;

export const withClient = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url, application_name: 'psql' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

/** Anchore's tables with documents in the `db` driver, as its services would have stored them. */
export const fillArchive = async (
  url: string,
  { documents, sizes, seed, driver = 'db' }: ArchiveShape,
): Promise<void> => {
  {
    await using db = await openDatabase(parseConnectUrl(url, { place: 'bench', environment: {} }));
    await ensureAnchoreTables(db);
  }
  const count = Math.min(documents, sizes.maxBytes > LARGE_BYTES ? BODIES_LARGE : BODIES);
  await withClient(url, async (client) => {
    await client.query('CREATE TABLE bench_body (n integer PRIMARY KEY, body text)');
    for (const [n, body] of createBodies(count, sizes, seed).entries())
      await client.query('INSERT INTO bench_body VALUES ($1, $2)', [n, body]);
    await client.query(
      `INSERT INTO archive_document
         (bucket, "archiveId", "userId", "documentName", created_at, last_updated, record_state_key, jsondata, b64_encoded)
       SELECT bucket, id, 'admin', id || '.json', made, made, 'active',
              '{"document": {"imageDigest": "' || id || '", "report": ' || body || '}}', false
         FROM (SELECT (ARRAY['analysis_data', 'image_content_data', 'manifest_data', 'query_data'])[1 + i % 4] AS bucket,
                      'sha256:' || md5($2 || '-' || i) || md5(i || '-' || $2) AS id, 1534353000 + i AS made, i % $3 AS n
                 FROM generate_series(0, $1 - 1) AS i) AS document
         JOIN bench_body USING (n)`,
      [documents, String(seed), count],
    );
    await client.query(
      `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName", content_url, is_compressed, digest,
                                     size, created_at, last_updated, record_state_key)
       SELECT bucket, "archiveId", "userId", "documentName", 'db://' || "userId" || '/' || bucket || '/' || "archiveId",
              false, md5(jsondata), octet_length(jsondata), created_at, last_updated, record_state_key
         FROM archive_document`,
    );
    await client.query('DROP TABLE bench_body');
    if (driver === 'db2') {
      await client.query(COPY_TO_DB2);
      await client.query('TRUNCATE archive_document');
      await client.query(`UPDATE archive_metadata SET content_url = replace(content_url, 'db://', 'db2://')`);
    }
    // As in a database that has been running for a while: hint bits and statistics are there.
    await client.query('VACUUM ANALYZE archive_document, archive_metadata, object_storage');
  });
};
