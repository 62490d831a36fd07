import { type ArchiveChoice, type ArchiveConfig, parseArchiveConfig } from '../config/archive-section.ts';
import { type ConfigFile, readConfigFile } from '../config/config-file.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import { updateJournal } from '../migration/journal.ts';
import { getMigration, type MigrationRecord, type StoreRecord } from '../migration/migration-store.ts';
import { connectDatabase } from './connect-database.ts';
import type { CommandContext, CommandInput } from './context.ts';
import { type LoadedConfig, loadConfig } from './load-configs.ts';
import { hasJournal } from './task-store.ts';

/** The id that a command names. Throws `usage.invalid`. */
export const parseId = (input: CommandInput): number => {
  const text = input.argument(0);
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new AppError('usage.invalid', `expected the number of a migration; got ${JSON.stringify(text)}`, {
    remedy: 'See list-migrations for the ids.',
  });
};

/** The database of a command that names a migration by its id: a file given with `--from` can name it too. */
export const connectForId = async (context: CommandContext, input: CommandInput): Promise<Database> => {
  const from = input.value('from');
  const config = from === undefined ? undefined : await readConfigFile(from, context.environment);
  return connectDatabase(context, { tables: 'leave', ...(config && { config }) });
};

/**
 * The journal's record of the migration that a command names. What an earlier version of this tool has written is brought up
 * to date first. Throws `usage.invalid` where there is none, `refused.newer-journal`.
 */
export const getRecord = async (db: Database, id: number): Promise<MigrationRecord> => {
  if (await hasJournal(db)) {
    await updateJournal(db);
    return getMigration(db, id);
  }
  throw new AppError('usage.invalid', `there is no migration ${id}: this database has no journal yet`, {
    remedy: 'See list-migrations for the ids; runs of the original tool have no journal.',
  });
};

const sameArchive = (archive: ArchiveConfig, recorded: StoreRecord): boolean =>
  archive.driver.name === recorded.driver &&
  archive.compression.enabled === recorded.codec.enabled &&
  archive.compression.minSizeKbytes === recorded.codec.minSizeKbytes;

const parseIfThere = (file: ConfigFile, choice: ArchiveChoice): ArchiveConfig | undefined => {
  try {
    return parseArchiveConfig(file, choice);
  } catch (error) {
    if (isAppError(error, 'config.invalid')) return undefined;
    throw error;
  }
};

/**
 * The archive of a file that a journal names. The journal does not say which section it was: that of the documents' own kind
 * is looked at first, the other one where only it fits. The stores' fingerprints are compared later.
 */
export const loadRecorded = async (
  context: CommandContext,
  path: string,
  recorded: StoreRecord,
  analyses: boolean,
): Promise<LoadedConfig> => {
  const file = await readConfigFile(path, context.environment);
  const fits = (analysisArchive: boolean): boolean => {
    const archive = parseIfThere(file, { analysisArchive });
    return archive !== undefined && sameArchive(archive, recorded);
  };
  const other = !fits(analyses) && fits(!analyses);
  return loadConfig(context, path, { analysisArchive: other ? !analyses : analyses });
};

/** The configuration of one side of a migration, read again; `--from` and `--to` name another place. Throws `config.*`. */
export const loadJournalledSide = (
  context: CommandContext,
  input: CommandInput,
  record: MigrationRecord,
  side: 'from' | 'to',
): Promise<LoadedConfig> =>
  loadRecorded(context, input.value(side) ?? record[side].config, record[side], record.scope.ownBuckets !== null);

/** Both configurations with which a migration began. Throws `config.*`. */
export const loadJournalled = async (
  context: CommandContext,
  input: CommandInput,
  record: MigrationRecord,
): Promise<{ from: LoadedConfig; to: LoadedConfig }> => ({
  from: await loadJournalledSide(context, input, record, 'from'),
  to: await loadJournalledSide(context, input, record, 'to'),
});
