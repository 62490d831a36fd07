import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '../../database/database.ts';

const RECENT_MS = 24 * 60 * 60 * 1000;
const DUMP_NAME = /\.(dump|pgdump|pg_dump|sql|backup)(\.(gz|xz|zst|bz2))?$/i;

/** A dump of the last day in one of these folders, by its name; undefined where none is in sight. */
const findDump = async (folders: readonly string[]): Promise<string | undefined> => {
  for (const folder of new Set(folders)) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (!DUMP_NAME.test(name)) continue;
      const file = join(folder, name);
      const found = await stat(file).catch(() => undefined);
      if (found?.isFile() === true && Date.now() - found.mtimeMs < RECENT_MS) return file;
    }
  }
  return undefined;
};

/** What to say where no recent dump of the database is in sight; only a reminder, since it may lie anywhere. */
export const remindOfBackup = async (db: Database, folders: readonly string[]): Promise<string | undefined> => {
  if (db.kind === 'embedded') return undefined;
  if ((await findDump(folders)) !== undefined) return undefined;
  return `no recent pg_dump of ${db.description} is in sight: its metadata is all that says where each document is`;
};
