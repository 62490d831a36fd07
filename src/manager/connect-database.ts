import { existsSync } from 'node:fs';
import type { ConfigFile } from '../config/config-file.ts';
import { AppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import { describeParameters } from '../database/database-target.ts';
import { openDatabase } from '../database/open-database.ts';
import { ensureAnchoreTables } from '../database/schema/anchore-tables.ts';
import type { CommandContext } from './context.ts';
import { findDatabaseTarget } from './database-options.ts';

/**
 * Opens the command's database, in the words of the operator's guide. `tables`: whether what is missing of Anchore's tables
 * is created; commands that only look leave a database as it is. Throws `database.*`, `config.*`, `refused.embedded-in-use`.
 */
export const connectDatabase = async (
  context: CommandContext,
  options: { readonly config?: ConfigFile; readonly tables: 'create' | 'leave' },
): Promise<Database> => {
  const log = context.log.at('anchore_manager.cli.utils/connect_database()');
  const target = await findDatabaseTarget(context, options.config);
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
  if (options.tables === 'leave') return database;
  try {
    const created = await ensureAnchoreTables(database);
    if (created.length > 0) log.info(`Created the tables that were missing: ${created.join(', ')}`);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
};
