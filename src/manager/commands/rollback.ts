import { renderPythonDict } from '../../config/render-config.ts';
import { rollback as runRollback } from '../../migration/rollback.ts';
import type { Command } from '../context.ts';
import { connectForId, getRecord, loadJournalled, parseId } from '../journalled.ts';
import { openSide } from '../open-side.ts';
import { operationEnvironment } from '../operations.ts';
import { PLACES } from '../places.ts';
import { confirm, SERVICES_STOPPED_QUESTION } from '../prompt.ts';
import { reportResult } from '../result-summary.ts';

/** `rollback ID`: brings a switched migration back to its source, or ends one that has not been switched. */
export const rollback: Command = async (context, input) => {
  const id = parseId(input);
  await using db = await connectForId(context, input);
  const record = await getRecord(db, id);
  const { from, to } = await loadJournalled(context, input, record);
  if (!input.flag('dontask')) await confirm(SERVICES_STOPPED_QUESTION, context.terminal, context.signal);
  const stores = context.log.at(PLACES.migrationContext);
  stores.info(`Initializing source archive: ${renderPythonDict(from.archive.forDisplay)}`);
  await using source = await openSide(context, db, from.archive, { prepare: false });
  stores.info(`Initializing dest archive: ${renderPythonDict(to.archive.forDisplay)}`);
  await using destination = await openSide(context, db, to.archive, { prepare: false });
  const result = await runRollback(operationEnvironment(context, db), {
    id,
    from: source.side,
    to: destination.side,
    deleteCopies: input.flag('deleteCopies'),
    force: input.flag('force'),
  });
  return await reportResult(context, db, result, from.archive);
};
