import { dirname } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import type { Database } from '../../database/database.ts';
import { Limits, type LimitValues } from '../../drivers/wrappers/limits.ts';
import { findTables } from '../../database/schema/schema-changes.ts';
import { relateStores } from '../../migration/aliases.ts';
import { type ControlChange, findControl } from '../../migration/control-store.ts';
import { EMPTY_FORECAST, type Forecast, forecastMigration, sumCopied } from '../../migration/forecast.ts';
import { refuseLockHeld, refusePooler } from '../../migration/lock.ts';
import { refuseOversize } from '../../migration/oversize.ts';
import { findArrival, refuseMissedArchive } from '../../migration/missed-archive.ts';
import { judgeConditions, planChecks, refuseEmptySelection } from '../../migration/preflight.ts';
import { refuseWhileServicesRun } from '../../migration/quiescence.ts';
import type { Environment, MigrateRequest } from '../../migration/requests.ts';
import { findResumable, type Resumable } from '../../migration/resumable.ts';
import { planScope, type Scope } from '../../migration/scope.ts';
import type { CommandContext, CommandInput } from '../context.ts';
import type { LoadedConfig } from '../load-configs.ts';
import { operationEnvironment } from '../operations.ts';
import { refuseDatabaseSkew, refuseStoreSkew } from './clocks.ts';
import { remindOfBackup } from './database-backup.ts';
import { findDifferences } from './differences.ts';
import { type Cleaning, estimateMigration, workOf } from './estimate.ts';
import { type Measured, measureMigration } from './measure.ts';
import { planNextSteps } from './next-steps.ts';
import { openBesideAbsent, openPlanned, type PlannedStore, refuseUnwritableFolder } from './open-stores.ts';
import type { Continued, Plan, PlannedSide } from './plan.ts';
import { exitOf, Problems } from './problems.ts';
import { type ReadDocuments, readDocuments, unreadableProblems } from './read-documents.ts';
import { planSpace, refuseFull } from './space.ts';
import { type Holdings, type SideTrial, Trials, tryDestination, trySource } from './trials.ts';

export interface PlanRequest {
  readonly from: LoadedConfig;
  readonly to: LoadedConfig;
  readonly options: Omit<MigrateRequest, 'from' | 'to'>;
  readonly reclaims: boolean;
  /** As options name them; null lifts one that a migration which is continued would keep. */
  readonly limits: ControlChange;
  /** Read every document, not a sample. */
  readonly deep: boolean;
}

/** So many documents are read where none can be copied for a trial. */
const SAMPLE = 100;

/** Everything that is asked on the way to a plan. */
class Planner {
  readonly #context: CommandContext;
  readonly #env: Environment;
  readonly #wanted: PlanRequest;
  readonly #request: MigrateRequest;
  readonly #source: PlannedStore;
  readonly #destination: PlannedStore;
  readonly problems: Problems;
  readonly trials: SideTrial[] = [];

  constructor(
    context: CommandContext,
    env: Environment,
    wanted: PlanRequest,
    stores: readonly [PlannedStore, PlannedStore],
  ) {
    this.#context = context;
    this.#env = env;
    this.#wanted = wanted;
    [this.#source, this.#destination] = stores;
    this.#request = { ...wanted.options, from: this.#source.side, to: this.#destination.side };
    this.problems = new Problems(context.signal);
  }

  /** Every refusal that needs the database and the two configurations alone. Whether another run goes on now. */
  async checkDatabase(found: Resumable | undefined, hasJournal: boolean): Promise<{ readonly running: boolean }> {
    const { db } = this.#env;
    const { force } = this.#request;
    await this.problems.attempt(() => refusePooler(db));
    const free = await this.problems.attempt(async () => (await refuseLockHeld(db), true));
    const rowsMoved = found?.record.switchedAt !== undefined;
    for (const check of planChecks(this.#env, this.#request, { online: false, rowsMoved, hasJournal }))
      await this.problems.attempt(check);
    if (force) await this.problems.attempt(() => refuseWhileServicesRun(db), 'warn');
    await this.problems.attempt(() => refuseDatabaseSkew(db), 'warn');
    return { running: free === undefined };
  }

  findContinued(hasJournal: boolean): Promise<Resumable | undefined> {
    if (!hasJournal) return Promise.resolve(undefined);
    return this.problems.attempt(() => findResumable(this.#env, this.#request, { online: false }));
  }

  async forecast(scope: Scope, isContinued: boolean): Promise<Forecast> {
    const { db } = this.#env;
    const { skipFailed, from, to } = this.#request;
    const keyed = { source: from.store.driver.name === 'db', destination: to.store.driver.name === 'db' };
    const forecast = (await this.problems.attempt(() => forecastMigration(db, scope, keyed))) ?? EMPTY_FORECAST;
    if (!isContinued) {
      // A bucket matches nothing either where the whole archive is missed, which is then the better answer.
      const found = await this.problems.attempt(
        async () => (await refuseMissedArchive(db, db.description, this.#request), true),
      );
      if (found === true) await this.problems.attempt(() => refuseEmptySelection(db, scope));
    }
    if (!skipFailed) await this.problems.attempt(() => refuseOversize(db, scope, to.store));
    if (forecast.ambiguous > 0) {
      const text = `${forecast.ambiguous} documents share an object with others and disagree about it`;
      this.problems.add(skipFailed ? 'warn' : 'refuse', new AppError('document.ambiguous', text));
    }
    if (forecast.documents === 0 && forecast.left.length === 0 && !isContinued) {
      const text = 'the archive has no document at all';
      const remedy = `That is right for a new installation; else check that ${db.description} is its database.`;
      this.problems.add('warn', new AppError('refused.no-documents', text, { remedy }));
    }
    return forecast;
  }

  /** What the stores say of themselves. Whether the source keeps the versions of what is deleted. */
  async checkConditions(): Promise<{ readonly versioned: boolean }> {
    let versioned = false;
    for (const side of ['source', 'destination'] as const) {
      const store = side === 'source' ? this.#source : this.#destination;
      const { archive } = side === 'source' ? this.#wanted.from : this.#wanted.to;
      await this.problems.attempt(() => refuseStoreSkew(this.#context, archive), 'warn');
      if (store.state === 'unusable' || store.state === 'missing') {
        if (store.error !== undefined) this.problems.add('refuse', store.error);
        continue;
      }
      const cleaning = !this.#request.keepSource;
      const conditions = await this.problems.attempt(() => judgeConditions(this.#env, this.#request, side, cleaning));
      for (const { refuses, error } of conditions ?? []) {
        versioned ||= side === 'source' && error.code === 'store.versioned';
        if (error.code === 'store.versioned' && !cleaning) continue;
        this.problems.add(refuses ? 'refuse' : 'warn', error);
      }
    }
    return { versioned };
  }

  /** What the stores let us do; `where` is what can be written to. What the destination holds. */
  async tryStores(
    where: PlannedStore | undefined,
  ): Promise<{ readonly writable: boolean; readonly holdings: Holdings | null }> {
    const { signal } = this.#context;
    const failed = (error: AppError): void => this.problems.add('refuse', error);
    const ofSource = new Trials('source', signal, failed);
    if (this.#source.state === 'ready') {
      const deletes = !this.#request.keepSource;
      await trySource(this.#source.side.store.driver, ofSource, { deletes, signal });
      if (deletes) await this.problems.attempt(() => refuseUnwritableFolder(this.#wanted.from.archive));
    }
    const ofDestination = new Trials('destination', signal, failed);
    if (where !== undefined) {
      const { driver } = where.side.store;
      await this.problems.attempt(() => driver.prepare(signal));
      const holdings = await tryDestination(driver, ofDestination, signal);
      this.trials.push(...ofSource.done, ...ofDestination.done);
      const writable = ofDestination.done.every(({ ok }) => ok);
      const isItself = where === this.#destination;
      if (writable && isItself && this.#source.state === 'ready')
        await this.problems.attempt(() => relateStores(this.#source.side.store, where.side.store, signal));
      return { writable, holdings: isItself ? (holdings ?? null) : { objects: 0, bytes: 0, complete: true } };
    }
    this.trials.push(...ofSource.done);
    const isAbsent = this.#destination.state === 'created';
    return { writable: false, holdings: isAbsent ? { objects: 0, bytes: 0, complete: true } : null };
  }

  measure(
    destination: PlannedStore,
    how: { readonly destinationIsEmpty: boolean; readonly lacksTable: boolean; readonly limits: Limits },
  ): Promise<Measured | undefined> {
    const { from, to } = this.#wanted;
    const request = { ...this.#request, to: destination.side };
    return this.problems.attempt(() =>
      measureMigration(this.#context, this.#env, { request, from, to, destination, ...how }),
    );
  }

  async read(rehearsal: Measured['rehearsal'] | undefined, documents: number): Promise<ReadDocuments> {
    const { deep, options } = this.#wanted;
    const nothing: ReadDocuments = { documents: 0, all: documents === 0, failures: [] };
    if (this.#source.state !== 'ready' || documents === 0) return nothing;
    const read = (sample: number | 'all'): Promise<ReadDocuments | undefined> =>
      this.problems.attempt(() =>
        readDocuments(this.#env.db, this.#source.side, {
          sample,
          buckets: options.buckets,
          signal: this.#context.signal,
        }),
      );
    const result = deep
      ? await read('all')
      : rehearsal === undefined
        ? await read(SAMPLE)
        : { documents: rehearsal.tried, all: rehearsal.tried >= documents, failures: rehearsal.failures };
    for (const { severity, ...problem } of unreadableProblems(result ?? nothing, options.skipFailed))
      this.problems.add(severity, problem);
    return result ?? nothing;
  }
}

const sideOf = (config: LoadedConfig, { side, state }: PlannedStore): PlannedSide => ({
  config: config.archive.file,
  driver: config.archive.driver.name,
  description: side.store.identity.description,
  state,
});

/** Finds out everything that can be known before a migration, and changes nothing. Throws `config.*` and `database.*`. */
export const makePlan = async (
  context: CommandContext,
  input: CommandInput,
  db: Database,
  wanted: PlanRequest,
): Promise<Plan> => {
  const startSeconds = performance.now() / 1000;
  const { from, to, options } = wanted;
  const env: Environment = { ...operationEnvironment(context, db), log: silentLog, progress: () => undefined };
  const tables = await findTables(db, [
    'archive_metadata',
    'archive_mover_migration',
    'archive_document',
    'object_storage',
    'archive_mover_control',
  ]);
  const [hasArchive, hasJournal] = [tables.has('archive_metadata'), tables.has('archive_mover_migration')];
  // Of the limits only that of requests at once is kept while plan tries and measures: what the others cost is reckoned,
  // since a trial at such a pace could take as long as the migration.
  const tried = new Limits({ concurrency: wanted.limits.concurrency ?? undefined });
  await using source = await openPlanned(context, db, from.archive, 'source', tried);
  await using destination = await openPlanned(context, db, to.archive, 'destination', tried);
  const planner = new Planner(context, env, wanted, [source, destination]);

  const found = await planner.findContinued(hasJournal);
  const { running } = await planner.checkDatabase(found, hasJournal);
  const scope = found?.record.scope ?? planScope(source.side.store.driver, source.side.archive, options.buckets);
  const forecast = hasArchive ? await planner.forecast(scope, found !== undefined) : EMPTY_FORECAST;
  if (!hasArchive) {
    const text = `${db.description} has no archive: the tables of Anchore Engine are not there`;
    planner.problems.add('warn', new AppError('database.schema', text));
  }
  const copied = found === undefined ? undefined : await sumCopied(db, found.record.id);
  const continued: Continued | null =
    found === undefined || copied === undefined
      ? null
      : { id: found.record.id, copied: copied.documents, copiedBytes: copied.bytes };
  const work = workOf(forecast, continued);
  const limits = await findLimits(db, wanted.limits, tables.has('archive_mover_control') ? continued?.id : undefined);
  tried.set({ concurrency: limits.concurrency });

  const { versioned } = await planner.checkConditions();
  await using beside =
    destination.state === 'created'
      ? await planner.problems.attempt(() => openBesideAbsent(context, db, to.archive, tried))
      : undefined;
  const where = destination.state === 'ready' ? destination : beside;
  const { writable, holdings } = await planner.tryStores(where);

  const lacksTable = destination.state === 'created' && destination.side.store.driver.capabilities.inDatabase;
  const target = lacksTable ? destination : writable ? where : undefined;
  const measurable = target !== undefined && source.state === 'ready' && !running && work.documents > work.copied;
  const measured = measurable
    ? await planner.measure(target, { destinationIsEmpty: holdings?.objects === 0, lacksTable, limits: tried })
    : undefined;
  const read = await planner.read(measured?.rehearsal, forecast.documents);

  const cleans = !options.keepSource;
  const estimate =
    measured === undefined
      ? undefined
      : estimateMigration(work, measured.rehearsal, {
          cleaning: cleans ? cleaningOf(source) : undefined,
          startSeconds,
          limited: {
            limits,
            traffic: measured.traffic,
            provesOneByOne: destination.side.store.driver.bulk === undefined,
          },
        });
  const space = await planSpace({
    from: from.archive,
    to: to.archive,
    source: source.side.store,
    work,
    ratio: estimate?.ratio ?? 1,
    cleans,
    atOnce: options.move ? env.settings.chunkSize : undefined,
    reclaims: wanted.reclaims,
    versioned,
  });
  await planner.problems.attempt(async () => refuseFull(space, destination.side.store.identity.description));
  const reminder = await remindOfBackup(db, ['.', dirname(from.archive.file), dirname(to.archive.file)]);
  if (reminder !== undefined) {
    const remedy =
      'Make one after the services have stopped and before migrate; or one now, for the documents too where they lie in the database.';
    planner.problems.add('warn', { code: 'reminder.backup', message: reminder, remedy });
  }

  const problems = planner.problems.list();
  const exit = exitOf(problems);
  // Whoever has moved everything and asks again is told so, not that a migration would begin.
  const arrival = forecast.documents === 0 && found === undefined ? await findArrival(db, destination.side) : undefined;
  const arrivedWith = forecast.left.length > 0 ? (arrival?.migrationId ?? null) : null;
  return {
    from: sideOf(from, source),
    to: sideOf(to, destination),
    database: db.description,
    forecast,
    continued,
    holdings,
    trials: planner.trials,
    read: { documents: read.documents, unreadable: read.failures.length, all: read.all },
    estimate: estimate ?? null,
    limits: {
      bandwidthBytesPerSecond: limits.bandwidthBytesPerSecond ?? null,
      requestsPerSecond: limits.requestsPerSecond ?? null,
      concurrency: limits.concurrency ?? null,
    },
    unmeasured: estimate === undefined ? reasonUnmeasured(work, running, destination.state) : null,
    space,
    differences: findDifferences(from.archive.forDisplay, to.archive.forDisplay),
    keepsSource: options.keepSource,
    problems,
    refused: exit !== 0,
    exit,
    arrivedWith,
    next: planNextSteps(context, input, { problems, arrivedWith }),
  };
};

/** What a run would go by: what is asked for now, and what has been asked of the migration that it continues. */
const findLimits = async (
  db: Database,
  asked: ControlChange,
  continuedId: number | undefined,
): Promise<LimitValues> => {
  const kept = continuedId === undefined ? undefined : await findControl(db, continuedId);
  const valueOf = (name: keyof LimitValues): number | undefined =>
    asked[name] === undefined ? kept?.[name] : (asked[name] ?? undefined);
  return {
    bandwidthBytesPerSecond: valueOf('bandwidthBytesPerSecond'),
    requestsPerSecond: valueOf('requestsPerSecond'),
    concurrency: valueOf('concurrency'),
  };
};

const cleaningOf = ({ side }: PlannedStore): Cleaning => {
  if (side.store.driver.capabilities.inDatabase) return 'rows';
  return side.store.driver.name === 'localfs' ? 'files' : 'objects';
};

const reasonUnmeasured = (
  work: { readonly documents: number; readonly copied: number },
  running: boolean,
  state: PlannedSide['state'],
): string => {
  if (running) return 'a migration is running';
  if (work.documents <= work.copied) return 'nothing is left to copy';
  if (state === 'created') return 'the destination does not exist yet; create it, and plan measures it';
  return 'the stores cannot be used yet';
};
