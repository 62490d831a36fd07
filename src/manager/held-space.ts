import { AppError, messageOf } from '../core/errors.ts';
import type { Store } from '../archive/store.ts';
import type { Database } from '../database/database.ts';
import type { MigrationResult } from '../migration/finish.ts';
import type { CommandContext, CommandInput } from './context.ts';
import { pasteFor } from './pasted-command.ts';
import { PLACES } from './places.ts';
import { readableBytes } from '../core/readable-bytes.ts';

/** Less than that is not worth a word: a table that never had a row takes some of it. In bytes. */
const WORTH_SAYING_BYTES = 1024 * 1024;

/** Throws `usage.invalid` where nothing is cleaned whose room could be given back. */
export const wantsReclaim = (input: CommandInput): boolean => {
  if (input.flag('reclaim') && input.flag('nodelete'))
    throw new AppError(
      'usage.invalid',
      '--reclaim gives back the room of what was deleted and --nodelete deletes nothing: they exclude each other',
    );
  return input.flag('reclaim');
};

/** Says after a cleaning how much room the source still holds, and what gives it back. Never fails the migration. */
export const sayHeldSpace = async (
  context: CommandContext,
  db: Database,
  source: Store,
  result: MigrationResult,
): Promise<void> => {
  const log = context.log.at(PLACES.migration);
  const { space } = source.driver;
  if (space === undefined || result.counts.cleaned === 0) return;
  try {
    const { place, sizeBytes } = await space.measure();
    if (sizeBytes < WORTH_SAYING_BYTES) return;
    log.info(
      `The source is cleaned, and ${place} still holds ${readableBytes(sizeBytes)}. What gives back what no row needs: ${pasteFor(context, db)('clean', result.id, '--reclaim')}`,
    );
  } catch (error) {
    log.debug(`How much room the source still holds could not be found out: ${messageOf(error)}`);
  }
};

/** `--reclaim`: has the source give back the room of what was deleted, and says how much that was. */
export const reclaimSpace = async (context: CommandContext, source: Store, result: MigrationResult): Promise<void> => {
  const log = context.log.at(PLACES.migration);
  const { space } = source.driver;
  if (result.counts.cleaned === 0) {
    log.warn('--reclaim: nothing was cleaned, so there is no room to give back');
    return;
  }
  if (space === undefined) {
    log.info(`--reclaim: ${source.identity.description} gives back room by itself`);
    return;
  }
  const before = await space.measure();
  log.info(`Reclaiming the room of ${before.place}, which holds ${readableBytes(before.sizeBytes)}`);
  const after = await space.reclaim(context.signal);
  log.info(`Reclaimed: ${after.place} holds ${readableBytes(after.sizeBytes)} now`);
  context.output.object({
    reclaimed: { place: after.place, beforeBytes: before.sizeBytes, afterBytes: after.sizeBytes },
  });
};
