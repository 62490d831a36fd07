import { AppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { EmbeddedTarget } from './database-target.ts';
import type { Database } from './database.ts';

export const openEmbeddedDatabase = async (target: EmbeddedTarget, _log: Log): Promise<Database> => {
  throw new AppError('usage.unsupported', `the embedded database ${target.folder} cannot be opened yet`);
};
