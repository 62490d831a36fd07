import { withClient } from './fill-archive.ts';

/** Makes the metadata of an archive say that its documents lie elsewhere, and empties the table in which they lay. */
const pointRows = (url: string, contentUrl: string, values: readonly unknown[]): Promise<void> =>
  withClient(url, async (client) => {
    await client.query(`UPDATE archive_metadata SET content_url = ${contentUrl}`, [...values]);
    await client.query('TRUNCATE archive_document');
    await client.query('VACUUM ANALYZE archive_metadata');
  });

export const pointToS3 = (url: string, bucket: string): Promise<void> =>
  pointRows(url, `'s3://' || $1::text || '/' || "userId" || '/' || bucket || '/' || "archiveId"`, [bucket]);

/** The file of a document below its root, as SQL. */
const LOCALFS_PATH = `md5("userId") || '/' || bucket || '/' || left(md5("archiveId"), 2) || '/' || md5("archiveId") || '.json'`;

/** Returns the files that are expected below the root, each as a relative path. */
export const pointToLocalfs = async (url: string, root: string): Promise<readonly string[]> => {
  await pointRows(url, `'file://' || $1::text || '/' || ${LOCALFS_PATH}`, [root]);
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ path: string }>(
      `SELECT ${LOCALFS_PATH} AS path FROM archive_metadata ORDER BY path`,
    );
    return rows.map(({ path }) => path);
  });
};

/** What the files really hold, in the order of their paths. */
export const recordContents = (
  url: string,
  contents: readonly { readonly path: string; readonly md5: string; readonly sizeBytes: number }[],
): Promise<unknown> =>
  withClient(url, (client) =>
    client.query(
      `UPDATE archive_metadata SET digest = c.md5, size = c.size
         FROM unnest($1::text[], $2::text[], $3::bigint[]) AS c(path, md5, size) WHERE ${LOCALFS_PATH} = c.path`,
      [contents.map(({ path }) => path), contents.map(({ md5 }) => md5), contents.map(({ sizeBytes }) => sizeBytes)],
    ),
  );
