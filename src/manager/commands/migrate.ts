import { renderJson, renderPythonDict } from '../../config/render-config.ts';
import type { Database } from '../../database/database.ts';
import { migrate as runMigration } from '../../migration/migrate.ts';
import { refuseOversize } from '../../migration/oversize.ts';
import { planScope } from '../../migration/scope.ts';
import { askToMigrate, refuseMissed } from '../ask-to-migrate.ts';
import { connectDatabase, createTables } from '../connect-database.ts';
import type { Command } from '../context.ts';
import type { ExitCode } from '../exit-code.ts';
import { reclaimSpace, sayHeldSpace, wantsReclaim } from '../held-space.ts';
import type { LoadedConfig } from '../load-configs.ts';
import { openSide } from '../open-side.ts';
import { PLACES } from '../places.ts';
import { observed, type ObservedContext } from '../progress/observed.ts';
import { loadBoth, type RequestOptions, requestOptionsOf } from '../request-options.ts';
import { reportResult } from '../result-summary.ts';
import { plan } from './plan.ts';

interface RunChoice {
  readonly from: LoadedConfig;
  readonly to: LoadedConfig;
  readonly request: RequestOptions;
  /** Copy only, while services run. */
  readonly online: boolean;
  readonly ask: boolean;
  /** Have the source give back the room of what was cleaned. */
  readonly reclaim?: boolean;
  /** Continue this migration and no other. */
  readonly id?: number;
  /** Of an unswitched migration, copy only the documents that failed. */
  readonly retryOnly?: boolean;
}

/** Opens both stores in the guide's words, runs, reports. */
export const runBetween = async (context: ObservedContext, db: Database, choice: RunChoice): Promise<ExitCode> => {
  const { from, to } = choice;
  const log = context.log.at(PLACES.migrate);
  log.info(`Migration from config: ${renderJson(from.archive.forDisplay)}`);
  log.info(`Migration to config: ${renderJson(to.archive.forDisplay)}`);
  if (choice.id === undefined) await refuseMissed(context, db, choice);
  if (choice.ask) await askToMigrate(context, db, { ...choice, isNew: choice.id === undefined });
  await createTables(context, db);
  const [shownFrom, shownTo] = [renderPythonDict(from.archive.forDisplay), renderPythonDict(to.archive.forDisplay)];
  context.log.at(PLACES.migration).info(`Initializing migration from ${shownFrom} to ${shownTo}`);
  const stores = context.log.at(PLACES.migrationContext);
  stores.info(`Initializing source archive: ${shownFrom}`);
  await using source = await openSide(context, db, from.archive, context.observer.side('source', { prepare: false }));
  stores.info(`Initializing dest archive: ${shownTo}`);
  await using destination = await openSide(
    context,
    db,
    to.archive,
    context.observer.side('destination', { prepare: true }),
  );
  if (choice.id === undefined && !choice.request.skipFailed) {
    const scope = planScope(source.side.store.driver, source.side.archive, choice.request.buckets);
    await refuseOversize(db, scope, destination.side.store);
  }
  const result = await context.observer.run(db, (env) =>
    runMigration(
      env,
      { ...choice.request, from: source.side, to: destination.side },
      {
        online: choice.online,
        ...(choice.id !== undefined && { id: choice.id }),
        retryOnly: choice.retryOnly === true,
      },
    ),
  );
  if (choice.reclaim !== true) await sayHeldSpace(context, db, source.side.store, result);
  const exit = await reportResult(context, db, result, to.archive);
  if (choice.reclaim === true) await reclaimSpace(context, source.side.store, result);
  return exit;
};

/** `migrate FROM TO`: everything from the plan to the cleaned source, or the rest of it after an interruption. */
export const migrate: Command = (context, input) =>
  input.flag('dryRun') ? plan(context, input) : migrateNow(context, input);

const migrateNow = observed('migrate', async (context, input) => {
  const request = requestOptionsOf(input);
  const reclaim = wantsReclaim(input);
  const { from, to } = await loadBoth(context, input);
  await using db = await connectDatabase(context, { config: from.file, tables: 'later' });
  context.log.at(PLACES.migrate).info('Loading configs');
  return await runBetween(context, db, { from, to, request, online: false, ask: !input.flag('dontask'), reclaim });
});
