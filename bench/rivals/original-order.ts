/**
 * Moves documents in the order in which the original tool works: all rows are listed, then one document after the other
 * takes six statements in four transactions and one PUT. A baseline to compare with; it has none of the original's other costs.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { OriginalOrderJob, OriginalOrderReport } from './original-order-job.ts';
import { openBareClient } from './object-target.ts';

const KEY = 'bucket = $1 AND "archiveId" = $2 AND "userId" = $3 AND "documentName" = $4';

interface MetadataRow {
  readonly bucket: string;
  readonly archiveId: string;
  readonly userId: string;
  readonly documentName: string;
  readonly digest: string;
}

const main = async (file: string): Promise<OriginalOrderReport> => {
  const job = JSON.parse(await readFile(file, 'utf8')) as OriginalOrderJob;
  const database = new pg.Client({ connectionString: job.databaseUrl, application_name: 'psql' });
  await database.connect();
  const store = openBareClient(job.target, 1);
  await store.makeContainer();
  const transaction = async <T>(work: () => Promise<T>): Promise<T> => {
    await database.query('BEGIN');
    const result = await work();
    await database.query('COMMIT');
    return result;
  };
  const started = performance.now();
  const { rows } = await database.query<MetadataRow>(
    `SELECT bucket, "archiveId", "userId", "documentName", digest FROM archive_metadata LIMIT $1`,
    [job.documents],
  );
  for (const { bucket, archiveId, userId, documentName } of rows) {
    const key = [bucket, archiveId, userId, documentName];
    const metadata = await transaction(() =>
      database.query<MetadataRow>(`SELECT * FROM archive_metadata WHERE ${KEY}`, key),
    );
    const document = await transaction(() =>
      database.query<{ jsondata: string }>(`SELECT * FROM archive_document WHERE ${KEY}`, key),
    );
    const body = Buffer.from(document.rows[0]?.jsondata ?? '');
    const digest = createHash('md5').update(body).digest('hex');
    if (digest !== metadata.rows[0]?.digest) throw new Error(`${archiveId}: another digest`);
    const name = `${userId}/${bucket}/${archiveId}`;
    await store.put(name, body);
    await transaction(async () => {
      await database.query(`SELECT * FROM archive_metadata WHERE ${KEY}`, key);
      await database.query(
        `UPDATE archive_metadata SET content_url = $5, digest = $6, size = $7, last_updated = $8 WHERE ${KEY}`,
        [...key, `s3://bucket/${name}`, digest, body.length, Math.floor(Date.now() / 1000)],
      );
    });
    await transaction(async () => {
      await database.query(`SELECT * FROM archive_document WHERE ${KEY}`, key);
      await database.query(`DELETE FROM archive_document WHERE ${KEY}`, key);
    });
  }
  const seconds = (performance.now() - started) / 1000;
  await store.close();
  await database.end();
  return { seconds, documents: rows.length };
};

process.stdout.write(`${JSON.stringify(await main(process.argv[2] ?? ''))}\n`);
