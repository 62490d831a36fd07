import { renderPythonDict } from '../../config/render-config.ts';
import { rollback as runRollback } from '../../migration/rollback.ts';
import { connectForId, getRecord, loadJournalled, parseId } from '../journalled.ts';
import { openSide } from '../open-side.ts';
import { PLACES } from '../places.ts';
import { observed } from '../progress/observed.ts';
import { confirm, SERVICES_STOPPED_QUESTION } from '../prompt.ts';
import { reportResult } from '../result-summary.ts';

/** `rollback ID`: brings a switched migration back to its source, or ends one that has not been switched. */
export const rollback = observed('rollback', async (context, input) => {
  const id = parseId(input);
  await using db = await connectForId(context, input);
  const record = await getRecord(db, id);
  const { from, to } = await loadJournalled(context, input, record);
  if (!input.flag('dontask')) await confirm(SERVICES_STOPPED_QUESTION, context.terminal, context.signal);
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
  const result = await context.observer.run(db, (env) =>
    runRollback(env, {
      id,
      from: source.side,
      to: destination.side,
      deleteCopies: input.flag('deleteCopies'),
      force: input.flag('force'),
    }),
  );
  return await reportResult(context, db, result, from.archive);
});
