import { AppError } from '../core/errors.ts';
import { findUnfinished, findWithFailures, getMigration, type MigrationRecord, takeTime } from './migration-store.ts';
import type { Environment, MigrateRequest, RunOptions, Side } from './requests.ts';
import { countRowsNotCopied } from './switch.ts';

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
  const found = await findCandidate(env, from, to, options);
  if (found === undefined) return undefined;
  const { record } = found;
  if (options.id !== undefined && record.id !== options.id) {
    throw new AppError('refused.unfinished', `migration ${record.id} is the unfinished one, not ${options.id}`);
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
    if (options.id === undefined) refuseChangedSelection(record, request.buckets);
  }
  return found;
};

const findCandidate = async (
  env: Environment,
  from: string,
  to: string,
  options: RunOptions,
): Promise<Resumable | undefined> => {
  if (options.cleanOnly === true && options.id !== undefined) {
    const record = await getMigration(env.db, options.id);
    if (record.phase === 'switched' || record.phase === 'cleaning' || record.phase === 'cleaned') {
      return { record, entry: 'clean' };
    }
    throw new AppError(
      'refused.not-clean',
      `migration ${record.id} is ${record.phase}: its source is not to be cleaned`,
    );
  }
  const unfinished = await findUnfinished(env.db);
  if (unfinished !== undefined && unfinished.id !== options.rollsBack) {
    return { record: unfinished, entry: await entryOf(env, unfinished) };
  }
  if (options.rollsBack !== undefined) return undefined;
  const incomplete = await findWithFailures(env.db, from, to);
  if (incomplete !== undefined && options.online) {
    throw new AppError(
      'refused.unfinished',
      `migration ${incomplete.id} is switched, and some of its documents failed`,
      {
        remedy: `Stop the services and continue it with: retry ${incomplete.id}.`,
      },
    );
  }
  if (incomplete !== undefined) return { record: incomplete, entry: 'copy' };
  if (options.id === undefined) return undefined;
  const { phase } = await getMigration(env.db, options.id);
  throw new AppError('refused.unfinished', `migration ${options.id} is ${phase}: there is nothing to resume`);
};

const howToGoOn = (record: MigrationRecord): string =>
  record.kind === 'rollback'
    ? `Continue it with: rollback ${record.rollsBack} (the migration that it undoes).`
    : `Continue it with: resume ${record.id}; or end it with: rollback ${record.id} (nothing is lost either way).`;

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

const refuseChangedSelection = (record: MigrationRecord, buckets: readonly string[]): void => {
  const before = record.scope.buckets ?? [];
  if (before.length === buckets.length && buckets.every((bucket) => before.includes(bucket))) return;
  const named = (list: readonly string[]): string =>
    list.length === 0 ? 'all buckets' : `--bucket ${list.join(' --bucket ')}`;
  throw new AppError(
    'refused.unfinished',
    `migration ${record.id} is unfinished and concerns ${named(before)}; this command concerns ${named(buckets)}`,
    {
      remedy: `Continue it with the same buckets, or with: resume ${record.id}; or end it with: rollback ${record.id}.`,
    },
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
