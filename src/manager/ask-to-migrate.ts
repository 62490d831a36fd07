import type { Database } from '../database/database.ts';
import { findTables } from '../database/schema/schema-changes.ts';
import { readableBytes } from '../core/readable-bytes.ts';
import { openDriver } from '../drivers/registry.ts';
import { countOf } from '../migration/describe.ts';
import { EMPTY_FORECAST, type Forecast, forecastMigration } from '../migration/forecast.ts';
import { listMissedPlaces, refuseMissedArchive } from '../migration/missed-archive.ts';
import { SKIP_REASONS } from '../migration/phases.ts';
import { heedServices } from '../migration/preflight.ts';
import { planScope } from '../migration/scope.ts';
import type { CommandContext } from './context.ts';
import type { LoadedConfig } from './load-configs.ts';
import { scopeOf } from './open-side.ts';
import { PLACES } from './places.ts';
import { openPlanned } from './plan/open-stores.ts';
import { confirm, SERVICES_STOPPED_QUESTION } from './prompt.ts';
import type { RequestOptions } from './request-options.ts';
import { labelled } from './wrap-text.ts';

/** What is asked for. `isNew`: it does not continue a migration named by its id. */
export interface Question {
  readonly from: LoadedConfig;
  readonly to: LoadedConfig;
  readonly request: RequestOptions;
  readonly isNew: boolean;
}

/**
 * Throws `refused.no-documents` where FROM can read nothing of the archive, before a store is created or a migration begun
 * that could only end with nothing switched.
 */
export const refuseMissed = async (
  context: CommandContext,
  db: Database,
  { from, to }: Pick<Question, 'from' | 'to'>,
): Promise<void> => {
  await using driver = await openDriver(from.archive.driver, { database: db, environment: context.environment });
  // The stores themselves are only asked who they are where it has to be said.
  if ((await listMissedPlaces(db, planScope(driver, scopeOf(from.archive), []))).length === 0) return;
  await using source = await openPlanned(context, db, from.archive, 'source');
  await using destination = await openPlanned(context, db, to.archive, 'destination');
  await refuseMissedArchive(db, db.description, { from: source.side, to: destination.side });
};

/**
 * Shows what is about to happen, and asks. What can be known to refuse it is thrown before: nobody shall answer a question
 * only to hear that services run, or that a store cannot be reached. Throws `refused.services-running`, `refused.by-person`,
 * `store.*`.
 */
export const askToMigrate = async (context: CommandContext, db: Database, question: Question): Promise<void> => {
  const { terminal, signal } = context;
  await heedServices({ db, log: context.log.at(PLACES.migration) }, question.request.force);
  if (terminal.input.isTTY === true && question.isNew) {
    terminal.output.write(`${(await describeQuestion(context, db, question)).join('\n')}\n`);
  }
  await confirm(SERVICES_STOPPED_QUESTION, terminal, signal);
};

/** The essentials of the plan, without trying or measuring anything. */
const describeQuestion = async (
  context: CommandContext,
  db: Database,
  { from, to, request }: Question,
): Promise<readonly string[]> => {
  await using source = await openPlanned(context, db, from.archive, 'source');
  await using destination = await openPlanned(context, db, to.archive, 'destination');
  for (const { state, error } of [source, destination])
    if ((state === 'unusable' || state === 'missing') && error !== undefined) throw error;
  const [one, other] = [source.side.store, destination.side.store];
  const hasArchive = (await findTables(db, ['archive_metadata'])).size > 0;
  const forecast = hasArchive
    ? await forecastMigration(db, planScope(one.driver, source.side.archive, request.buckets), {
        source: one.driver.name === 'db',
        destination: other.driver.name === 'db',
      })
    : EMPTY_FORECAST;
  return [
    ...questionLine('Moves', `${countOf(forecast.documents, 'document')}, ${readableBytes(forecast.bytes)}`),
    ...questionLine('From', one.identity.description),
    ...questionLine(
      'To',
      `${other.identity.description}${destination.state === 'created' ? ', which is created' : ''}`,
    ),
    ...questionLine('Then', whatThen(request)),
    ...leftLines(forecast),
    ...questionLine('How long', 'plan measures it, with the same files and options'),
  ];
};

const whatThen = ({ keepSource, move }: RequestOptions): string => {
  if (keepSource) return 'the source keeps what it has (--nodelete)';
  return move
    ? 'each batch is DELETED from the source as soon as it has moved (--move)'
    : 'what has moved is DELETED from the source, once the switch is made';
};

const leftLines = ({ left }: Forecast): readonly string[] =>
  left.flatMap(({ reason, scheme, documents }, index) =>
    questionLine(
      index === 0 ? 'Stays' : '',
      `${countOf(documents, 'document')}${scheme === undefined ? '' : ` at ${scheme}://`}: ${SKIP_REASONS[reason]}`,
    ),
  );

const LABEL = 10;

/** A line of what a question shows. */
export const questionLine = (label: string, text: string): readonly string[] => labelled(label, text, LABEL);
