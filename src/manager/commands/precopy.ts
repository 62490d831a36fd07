import { connectDatabase } from '../connect-database.ts';
import { PLACES } from '../places.ts';
import { observed } from '../progress/observed.ts';
import { loadBoth, requestOptionsOf } from '../request-options.ts';
import { runBetween } from './migrate.ts';

/** `precopy FROM TO`: copies what is new or changed while services run. Nothing to ask: nothing is switched or deleted. */
export const precopy = observed('precopy', async (context, input) => {
  const { from, to } = await loadBoth(context, input);
  await using db = await connectDatabase(context, { config: from.file, tables: 'create' });
  context.log.at(PLACES.migrate).info('Loading configs');
  return await runBetween(context, db, { from, to, request: requestOptionsOf(input), online: true, ask: false });
});
