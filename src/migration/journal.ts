import type { Database } from '../database/database.ts';
import { ensureAnchoreTables } from '../database/schema/anchore-tables.ts';
import { dropOwnTables, ensureOwnTables } from '../database/schema/own-tables.ts';
import { AppError } from '../core/errors.ts';
import { JOURNAL_MIGRATIONS, JOURNAL_TABLES } from './journal-schema.ts';
import { findUnfinished } from './migration-store.ts';

/** Makes sure of Anchore's tables and of ours. Throws `refused.newer-journal`, `database.denied`. */
export const ensureTables = async (db: Database): Promise<void> => {
  await ensureAnchoreTables(db);
  await ensureOwnTables(db, JOURNAL_MIGRATIONS);
};

/** Brings a journal that is there up to date. Throws `refused.newer-journal`, `database.denied`. */
export const updateJournal = async (db: Database): Promise<void> => {
  await ensureOwnTables(db, JOURNAL_MIGRATIONS);
};

/** Throws `refused.unfinished` where a migration could not go on without its journal. */
export const refuseWhileUnfinished = async (db: Database): Promise<void> => {
  const unfinished = await findUnfinished(db);
  if (unfinished !== undefined) {
    throw new AppError('refused.unfinished', `migration ${unfinished.id} is unfinished and needs its journal`);
  }
};

/**
 * Removes our own tables, journals included. Throws `refused.unfinished`. What else may still need them, such as services
 * when they start, is `findJournalNeeds`, which a person may decide against.
 */
export const removeTables = async (db: Database): Promise<void> => {
  await ensureOwnTables(db, JOURNAL_MIGRATIONS);
  await refuseWhileUnfinished(db);
  await dropOwnTables(db, JOURNAL_MIGRATIONS, JOURNAL_TABLES);
};
