import { AppError } from '../../core/errors.ts';
import { describeOversize, findOversize } from '../../migration/oversize.ts';
import { checkArchive } from '../check-archive.ts';
import { connectDatabase } from '../connect-database.ts';
import type { Command } from '../context.ts';
import { loadConfig } from '../load-configs.ts';
import { openSide } from '../open-side.ts';
import { PLACES } from '../places.ts';
import { describeTrials, type Trial } from '../trials.ts';

/** `check CONFIG` or `check --nodes CONFIG...`. */
export const check: Command = async (context, input) => {
  if (input.list('nodes').length > 0) return (await import('./check-nodes.ts')).checkNodes(context, input);
  if (input.argument(0) === '')
    throw new AppError(
      'usage.invalid',
      "missing required argument 'configfile'; or give --nodes with all nodes' files",
    );
  return checkOne(context, input);
};

/** `check CONFIG`: writes, reads and removes a small document, and says what a migration would meet there. */
const checkOne: Command = async (context, input) => {
  const path = input.argument(0);
  const log = context.log.at(PLACES.check);
  const { file, archive } = await loadConfig(context, path, { analysisArchive: input.flag('analysisArchive') });
  await using db = await connectDatabase(context, { config: file, tables: 'create' });
  log.info(`Using config file ${path}`);
  await using opened = await openSide(context, db, archive, { prepare: true });
  const { store } = opened.side;
  context.log.at(PLACES.archive).info('Archive initialization complete');
  const conditions = await store.driver.inspect(context.signal);
  for (const { severity, error, forceable } of conditions) {
    const consequence = severity === 'refuse' ? ` (migrate refuses this${forceable ? ' without --force' : ''})` : '';
    log.warn(`${error.message}${consequence}`);
  }
  const oversize = await findOversize(db, undefined, store);
  if (oversize !== undefined)
    log.warn(`${describeOversize(oversize, store)} (migrate refuses this without --skip-failed)`);
  const trials: Trial[] = [];
  try {
    await checkArchive(db, store, log, context.signal, (trial) => void trials.push(trial));
  } finally {
    if (trials.length > 0) log.info(`Tried on ${store.identity.description}: ${describeTrials(trials)}`);
  }
  log.info('Archive config check completed successfully');
  context.output.object({
    check: 'ok',
    store: store.identity.description,
    trials,
    conditions: conditions.map(({ severity, error }) => ({ severity, code: error.code, message: error.message })),
  });
  return 0;
};
