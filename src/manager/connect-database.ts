import { existsSync } from 'node:fs';
import type { ConfigFile } from '../config/config-file.ts';
import { AppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import { describeParameters } from '../database/database-target.ts';
import { openDatabase } from '../database/open-database.ts';
import { ensureAnchoreTables } from '../database/schema/anchore-tables.ts';
import type { CommandContext } from './context.ts';
import { findCommandDatabase, namingOptions } from './database-options.ts';
import { rememberNaming } from './pasted-command.ts';
import { PLACES } from './places.ts';

/**
 * Opens the command's database, in the words of the operator's guide. `tables`: whether what is missing of Anchore's tables
 * is created now, or later (once a person has agreed); commands that only look leave a database as it is. Throws `database.*`, `config.*`, `refused.embedded-in-use`.
 */
export const connectDatabase = async (
  context: CommandContext,
  options: { readonly config?: ConfigFile; readonly tables: 'create' | 'later' | 'leave' },
): Promise<Database> => {
  const log = context.log.at(PLACES.database);
  const target = await findCommandDatabase(context, options.config);
  if (options.tables === 'leave' && target.kind === 'embedded' && !existsSync(target.folder)) {
    throw new AppError('usage.invalid', `no database is named, and there is no embedded one in ${target.folder}`, {
      remedy: 'Give --db-connect URL, set ANCHORE_DB_CONNECT, or name a configuration file with --configfile.',
    });
  }
  log.info(`DB params: ${describeParameters(target)}`);
  log.info('DB connection configured: True');
  log.info('DB attempting to connect...');
  const database = await openDatabase(target, { log, signal: context.signal });
  log.info('DB connected: True');
  rememberNaming(database, namingOptions(context, options.config));
  if (options.tables !== 'create') return database;
  try {
    await createTables(context, database);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
};

/** Creates what is missing of Anchore's tables, and says so. Throws `database.denied`. */
export const createTables = async (context: CommandContext, database: Database): Promise<void> => {
  const created = await ensureAnchoreTables(database);
  if (created.length === 0) return;
  context.log.at(PLACES.database).info(`Created the tables that were missing: ${created.join(', ')}`);
};
