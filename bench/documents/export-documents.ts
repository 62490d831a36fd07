import { link, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withClient } from './fill-archive.ts';

/** Documents as files, as a rival reads them: `userId/bucket/archiveId` below a folder. */
export interface ExportedDocuments {
  readonly folder: string;
  /** Relative paths, which are keys of objects too. */
  readonly keys: readonly string[];
  readonly bytes: number;
}

const PAGE = 200;

interface Row {
  readonly key: string;
  readonly jsondata: string;
}

const makeFolders = (paths: readonly string[]): Promise<unknown> =>
  Promise.all([...new Set(paths.map((path) => dirname(path)))].map((each) => mkdir(each, { recursive: true })));

/** Writes every document of a database's `db` driver to the folder. */
export const exportDocuments = (url: string, folder: string): Promise<ExportedDocuments> =>
  withClient(url, async (client) => {
    const keys: string[] = [];
    let bytes = 0;
    await client.query('BEGIN');
    await client.query(
      `DECLARE document CURSOR FOR
        SELECT "userId" || '/' || bucket || '/' || "archiveId" AS key, jsondata FROM archive_document`,
    );
    for (;;) {
      const { rows } = await client.query<Row>(`FETCH ${PAGE} FROM document`);
      if (rows.length === 0) break;
      await makeFolders(rows.map(({ key }) => join(folder, key)));
      await Promise.all(rows.map(({ key, jsondata }) => writeFile(join(folder, key), jsondata)));
      keys.push(...rows.map(({ key }) => key));
      bytes += rows.reduce((sum, { jsondata }) => sum + Buffer.byteLength(jsondata), 0);
    }
    await client.query('COMMIT');
    return { folder, keys, bytes };
  });

/** The first so many of them below a folder of their own, to find a setting with. Their bytes are in proportion. */
export const linkPart = async (all: ExportedDocuments, count: number, folder: string): Promise<ExportedDocuments> => {
  const keys = all.keys.slice(0, count);
  await makeFolders(keys.map((key) => join(folder, key)));
  await Promise.all(keys.map((key) => link(join(all.folder, key), join(folder, key))));
  return { folder, keys, bytes: Math.round((all.bytes * keys.length) / all.keys.length) };
};
