import type { Store } from '../archive/store.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import { relateStores } from './aliases.ts';
import { findNewestSwitched, listArchives } from './archives.ts';
import { describeArchive } from './current-store.ts';
import { getMigration, type MigrationRecord } from './migration-store.ts';
import type { Environment, OpenedStore } from './requests.ts';
import { archiveOf, sampleUrl } from './scope.ts';

/**
 * Before the objects of a migration are deleted by its id: rows are compared with URLs, so they do not protect what the
 * archive names by another URL today. `doomed`: the store to be deleted from; `partner`: the fingerprint of the migration's
 * other store, which it has been told from already. Where the archive is in neither of them by now, the store in which it is
 * must be shown to be another one (rule R2). Throws `refused.not-clean`, `refused.same-store`.
 */
export const refuseUnlessApart = async (
  env: Environment,
  record: MigrationRecord,
  doomed: Store,
  partner: string,
): Promise<void> => {
  for (const archive of await listArchives(env.db, archiveOf(record.scope))) {
    const newest = await findNewestSwitched(env.db, archive);
    if (newest === undefined || newest.toFingerprint === partner) continue;
    const moved = await getMigration(env.db, newest.id);
    const since = `${describeArchive(archive)} is in ${moved.to.description} since migration ${moved.id}`;
    if (newest.toFingerprint === doomed.identity.fingerprint) {
      if (!(await hasOtherNames(env.db, record, doomed))) continue; // then rows say what they need there
      const text = `${since}: what migration ${record.id} has left there cannot be told from it`;
      throw new AppError('refused.not-clean', text, {
        remedy: 'Run verify with the configuration of that store: it lists the objects there that no document names.',
      });
    }
    await using current = await openDestination(env, moved, since);
    if (current.store.identity.fingerprint !== newest.toFingerprint)
      throw cannotTell(since, `${moved.to.config} names ${current.store.identity.description} by now`);
    await relateStores(current.store, doomed, env.signal);
  }
};

/** Whether rows name the documents of a migration by other URLs of this store than its journal does. */
const hasOtherNames = async (db: Queryable, { id }: MigrationRecord, { driver }: Store): Promise<boolean> => {
  const url = sampleUrl(driver);
  const { rows } = await db.query<{ found: boolean }>(
    `SELECT EXISTS (
       SELECT 1 FROM archive_mover_document d
         JOIN archive_metadata m ON m.bucket = d.bucket AND m."archiveId" = d.archive_id AND m."userId" = d.user_id
          AND m."documentName" = d.document_name
        WHERE d.migration_id = $1 AND d.owned AND m.content_url IS DISTINCT FROM d.dst_url
          AND starts_with(m.content_url, $2)) AS found`,
    [id, url.slice(0, url.indexOf('://') + 3)],
  );
  return rows[0]?.found === true;
};

const openDestination = async (env: Environment, moved: MigrationRecord, since: string): Promise<OpenedStore> => {
  if (env.openDestination === undefined) throw cannotTell(since, `${moved.to.config} cannot be read here`);
  try {
    return await env.openDestination(moved);
  } catch (error) {
    if (!isAppError(error)) throw error;
    throw cannotTell(since, error.message, error);
  }
};

const cannotTell = (since: string, why: string, cause?: AppError): AppError =>
  new AppError(
    'refused.not-clean',
    `${since}, and whether that is the same store by another name cannot be told: ${why}`,
    {
      ...(cause && { cause }),
      remedy: `Make that store's configuration file readable at the place that list-migrations and show-migration name, and run this again.`,
    },
  );
