import { renderPythonDict } from '../../config/render-config.ts';
import { rollback as runRollback, type RollbackRequest } from '../../migration/rollback.ts';
import { askToRollBack } from '../ask-to-roll-back.ts';
import { connectForId, getRecord, loadJournalled, parseId } from '../journalled.ts';
import { openSide } from '../open-side.ts';
import { PLACES } from '../places.ts';
import { observed } from '../progress/observed.ts';
import { reportResult } from '../result-summary.ts';

/** `rollback ID`: brings a switched migration back to its source, or ends one that has not been switched. */
export const rollback = observed('rollback', async (context, input) => {
  const id = parseId(input);
  await using db = await connectForId(context, input);
  const record = await getRecord(db, id);
  const { from, to } = await loadJournalled(context, input, record);
  const stores = context.log.at(PLACES.migrationContext);
  stores.info(`Initializing source archive: ${renderPythonDict(from.archive.forDisplay)}`);
  await using source = await openSide(context, db, from.archive, context.observer.side('source', { prepare: false }));
  stores.info(`Initializing dest archive: ${renderPythonDict(to.archive.forDisplay)}`);
  await using destination = await openSide(
    context,
    db,
    to.archive,
    context.observer.side('destination', { prepare: false }),
  );
  const request: RollbackRequest = {
    id,
    from: source.side,
    to: destination.side,
    deleteCopies: input.flag('deleteCopies'),
    force: input.flag('force'),
  };
  if (!input.flag('dontask')) await askToRollBack(context, db, record, request);
  const result = await context.observer.run(db, (env) => runRollback(env, request));
  return await reportResult(context, db, result, from.archive);
});
