import { migrate } from '../../migration/migrate.ts';
import { askToClean } from '../ask-to-clean.ts';
import { reclaimSpace, sayHeldSpace, wantsReclaim } from '../held-space.ts';
import { connectForId, getRecord, loadJournalled, parseId } from '../journalled.ts';
import { openSide } from '../open-side.ts';
import { observed } from '../progress/observed.ts';
import { requestOptionsOf } from '../request-options.ts';
import { reportResult } from '../result-summary.ts';

/** `clean ID`: deletes from the source what the migration has switched, or finishes an interrupted cleaning. */
export const clean = observed('clean', async (context, input) => {
  const id = parseId(input);
  const reclaims = wantsReclaim(input);
  await using db = await connectForId(context, input);
  const record = await getRecord(db, id);
  const { from, to } = await loadJournalled(context, input, record);
  if (!input.flag('dontask')) await askToClean(context, db, record, input.flag('force'));
  await using source = await openSide(context, db, from.archive, context.observer.side('source', { prepare: false }));
  await using destination = await openSide(
    context,
    db,
    to.archive,
    context.observer.side('destination', { prepare: false }),
  );
  const result = await context.observer.run(db, (env) =>
    migrate(
      env,
      {
        ...requestOptionsOf(input),
        buckets: record.scope.buckets ?? [],
        keepSource: false,
        move: record.move,
        from: source.side,
        to: destination.side,
      },
      { online: false, id, cleanOnly: true },
    ),
  );
  if (!reclaims) await sayHeldSpace(context, db, source.side.store, result);
  const exit = await reportResult(context, db, result, to.archive);
  if (reclaims) await reclaimSpace(context, source.side.store, result);
  return exit;
});
