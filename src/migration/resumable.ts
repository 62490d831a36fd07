import { AppError } from '../core/errors.ts';
import {
  findLaterUser,
  findUnfinished,
  findWithFailures,
  getMigration,
  type MigrationRecord,
  takeTime,
} from './migration-store.ts';
import type { Environment, MigrateRequest, RunOptions, Side } from './requests.ts';
import { planScope } from './scope.ts';
import { countRowsNotCopied } from './switch-store.ts';

/** An earlier migration that this run continues, and where: copying (again), or only cleaning. */
export interface Resumable {
  readonly record: MigrationRecord;
  readonly entry: 'copy' | 'clean';
}

/** The migration that this request continues; undefined for a new one. Throws `refused.unfinished`, `refused.changed-store`. */
export const findResumable = async (
  env: Environment,
  request: MigrateRequest,
  options: RunOptions,
): Promise<Resumable | undefined> => {
  const from = request.from.store.identity.fingerprint;
  const to = request.to.store.identity.fingerprint;
  const found = await findCandidate(env, request, options);
  if (found === undefined) return undefined;
  const { record } = found;
  if (options.id !== undefined && record.id !== options.id) {
    throw new AppError('refused.unfinished', `migration ${record.id} is the unfinished one, not ${options.id}`);
  }
  if (options.id !== undefined && record.rollsBack !== options.rollsBack) {
    throw new AppError(
      'refused.unfinished',
      `migration ${record.id} is the rollback of migration ${record.rollsBack}`,
      {
        remedy: `Run rollback ${record.rollsBack} again; with --delete-copies it also removes the copies.`,
      },
    );
  }
  if (record.from.fingerprint !== from || record.to.fingerprint !== to || record.rollsBack !== options.rollsBack) {
    const named = `${record.from.description} -> ${record.to.description}`;
    throw new AppError(
      'refused.unfinished',
      options.id === undefined
        ? `migration ${record.id} (${named}) is unfinished, and this is another pair of stores`
        : `migration ${record.id} is ${named}, and the configurations name other stores`,
      {
        remedy:
          options.id === undefined
            ? howToGoOn(record)
            : 'Name the configuration files of that migration with --from and --to.',
      },
    );
  }
  if (options.online && record.switchedAt !== undefined) {
    throw new AppError('refused.unfinished', `migration ${record.id} has been switched and is not cleaned yet`);
  }
  if (found.entry === 'copy') {
    refuseChangedCodec(record, request.to);
    if (options.id === undefined) refuseChangedSelection(record, request);
  }
  return found;
};

/** A migration whose source may be cleaned by its id. Throws where another one comes first, or needs what would go. */
const getCleanable = async (
  env: Environment,
  id: number,
  unfinished: MigrationRecord | undefined,
): Promise<MigrationRecord> => {
  const record = await getMigration(env.db, id);
  if (record.phase !== 'switched' && record.phase !== 'cleaning' && record.phase !== 'cleaned') {
    throw new AppError('refused.not-clean', `migration ${id} is ${record.phase}: its source is not to be cleaned`);
  }
  if (unfinished !== undefined && unfinished.id !== id) {
    throw new AppError('refused.unfinished', `migration ${unfinished.id} is unfinished and comes first`, {
      remedy: howToGoOn(unfinished),
    });
  }
  const later = await findLaterUser(env.db, record);
  if (later !== undefined) {
    throw new AppError(
      'refused.not-clean',
      `migration ${later} has brought the archive to ${record.from.description} again, or keeps it as its source`,
    );
  }
  return record;
};

const findCandidate = async (
  env: Environment,
  request: MigrateRequest,
  options: RunOptions,
): Promise<Resumable | undefined> => {
  const unfinished = await findUnfinished(env.db);
  if (options.cleanOnly === true && options.id !== undefined) {
    return { record: await getCleanable(env, options.id, unfinished), entry: 'clean' };
  }
  if (unfinished !== undefined && unfinished.id !== options.rollsBack) {
    return { record: unfinished, entry: await entryOf(env, unfinished) };
  }
  if (options.rollsBack !== undefined) return undefined;
  const incomplete = await findWithFailures(
    env.db,
    request.from.store.identity.fingerprint,
    request.to.store.identity.fingerprint,
  );
  if (incomplete !== undefined && options.online && isSameWork(incomplete, request)) {
    throw new AppError(
      'refused.unfinished',
      `migration ${incomplete.id} is switched, and some of its documents failed`,
      {
        remedy: `Stop the services and continue it with: retry ${incomplete.id}.`,
      },
    );
  }
  // Its failed documents can be tried again by the same command; another selection or codec is a migration of its own.
  if (incomplete !== undefined && (options.id !== undefined || isSameWork(incomplete, request))) {
    return { record: incomplete, entry: 'copy' };
  }
  if (options.id === undefined) return undefined;
  const { phase } = await getMigration(env.db, options.id);
  throw new AppError('refused.unfinished', `migration ${options.id} is ${phase}: there is nothing to resume`);
};

/** What ends an unfinished migration, by where it is. */
const howToGoOn = (record: MigrationRecord): string => {
  if (record.kind === 'rollback')
    return `Continue it with: rollback ${record.rollsBack}; or end it with: rollback ${record.id}.`;
  const canBeUndone = record.phase === 'switched' || (record.switchedAt === undefined && record.phase !== 'cleaning');
  return canBeUndone
    ? `Continue it with: resume ${record.id}; or end it with: rollback ${record.id} (nothing is lost either way).`
    : `Continue it with: resume ${record.id}; or leave what is still at the source with: resume ${record.id} --nodelete.`;
};

/** A switched migration only has to be cleaned, unless rows have come back to the source since: then these go first. */
const entryOf = async (env: Environment, record: MigrationRecord): Promise<Resumable['entry']> => {
  if (record.phase !== 'switched' && record.phase !== 'cleaning') return 'copy';
  // Rows with identical URLs name the destination since the switch: none can have come back.
  if (record.identicalUrls) return 'clean';
  const cameBack = await env.db.transaction(async (tx) => {
    await takeTime(tx);
    return countRowsNotCopied(tx, record);
  });
  return cameBack > 0 ? 'copy' : 'clean';
};

/** Whether a request concerns the same rows, and writes them in the same form. */
const isSameWork = (record: MigrationRecord, request: MigrateRequest): boolean => {
  const { codec } = request.to.store;
  const sameCodec = record.to.codec.enabled === codec.enabled && record.to.codec.minSizeKbytes === codec.minSizeKbytes;
  return sameCodec && isSameSelection(record, request);
};

const isSameSelection = (record: MigrationRecord, request: MigrateRequest): boolean => {
  const wanted = planScope(request.from.store.driver, request.from.archive, request.buckets);
  const same = (one: readonly string[] | null, other: readonly string[] | null): boolean =>
    JSON.stringify(one?.toSorted() ?? null) === JSON.stringify(other?.toSorted() ?? null);
  const { scope } = record;
  return (
    same(scope.buckets, wanted.buckets) &&
    same(scope.ownBuckets, wanted.ownBuckets) &&
    same(scope.foreignBuckets, wanted.foreignBuckets)
  );
};

const refuseChangedSelection = (record: MigrationRecord, request: MigrateRequest): void => {
  if (isSameSelection(record, request)) return;
  const { buckets, ownBuckets } = record.scope;
  const archive = ownBuckets === null ? 'the object store' : 'the analysis archive';
  const selection = buckets === null ? 'all buckets' : buckets.map((bucket) => `--bucket ${bucket}`).join(' ');
  throw new AppError(
    'refused.unfinished',
    `migration ${record.id} is unfinished and concerns ${archive}, ${selection}; this command concerns other documents`,
    { remedy: howToGoOn(record) },
  );
};

const refuseChangedCodec = (record: MigrationRecord, to: Side): void => {
  const { codec } = to.store;
  if (record.to.codec.enabled === codec.enabled && record.to.codec.minSizeKbytes === codec.minSizeKbytes) return;
  throw new AppError(
    'refused.changed-store',
    `migration ${record.id} began with compression ${JSON.stringify(record.to.codec)}; the configuration now says ${JSON.stringify(codec)}`,
  );
};
