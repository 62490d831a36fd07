import { putMetadata } from '../../archive/metadata-store.ts';
import type { MetadataRow } from '../../archive/metadata-store.ts';
import type { Database, Queryable } from '../../database/database.ts';
import type { DocumentKey } from '../../drivers/contract.ts';
import { ANALYSIS_ARCHIVE_BUCKET, type ArchiveScope } from '../../migration/scope.ts';

/** The class of the advisory locks by which services show that they live; a migration's workers use 0x616d. */
export const OWNER_LOCK_CLASS = 0x6165;

/**
 * What is about to happen to a document:
 * - `create`: it has no row yet;
 * - `replace`: new bytes under the URL that its row names; the row's digest is unknown meanwhile;
 * - `move`: its row names another URL until the end;
 * - `delete`: its row is gone, its bytes follow.
 */
export type IntentKind = 'create' | 'replace' | 'move' | 'delete';

export interface Intent {
  readonly key: DocumentKey;
  readonly token: string;
  readonly owner: number;
  readonly kind: IntentKind;
  /** Where the bytes go, or are deleted. */
  readonly url: string;
  readonly newDigest: string | null;
  readonly newSizeBytes: number | null;
  readonly compressed: boolean | null;
  readonly oldDigest: string | null;
  readonly oldSizeBytes: number | null;
}

interface Row {
  bucket: string;
  archiveId: string;
  userId: string;
  documentName: string;
  token: string;
  owner: number;
  kind: IntentKind;
  url: string;
  new_digest: string | null;
  new_size: number | null;
  compressed: boolean | null;
  old_digest: string | null;
  old_size: number | null;
}

const fromRow = (row: Row): Intent => ({
  key: { userId: row.userId, bucket: row.bucket, archiveId: row.archiveId, documentName: row.documentName },
  token: row.token,
  owner: row.owner,
  kind: row.kind,
  url: row.url,
  newDigest: row.new_digest,
  newSizeBytes: row.new_size,
  compressed: row.compressed,
  oldDigest: row.old_digest,
  oldSizeBytes: row.old_size,
});

const KEY_MATCH = 'bucket = $1 AND "archiveId" = $2 AND "userId" = $3 AND "documentName" = $4';
const keyValues = (key: DocumentKey): readonly string[] => [key.bucket, key.archiveId, key.userId, key.documentName];
const NOW = 'extract(epoch FROM clock_timestamp())::integer';

/** Ends a transaction without changing anything, and is no error of its own. */
class RowChanged extends Error {}

const rowState = (row: MetadataRow): readonly unknown[] => [row.contentUrl, row.digest, row.compressed];
const UNCHANGED =
  'content_url IS NOT DISTINCT FROM $5 AND digest IS NOT DISTINCT FROM $6 AND is_compressed IS NOT DISTINCT FROM $7';

/**
 * Records the intent and makes the row ready for it, in one transaction. `busy`: another intent for this document stands.
 * `changed`: the row is no longer `row`.
 */
export const beginIntent = async (
  db: Database,
  intent: Intent,
  row: MetadataRow | undefined,
): Promise<'begun' | 'busy' | 'changed'> => {
  try {
    return await db.transaction(async (tx) => {
      const { count } = await tx.query(
        `INSERT INTO archive_engine_intent (bucket, "archiveId", "userId", "documentName", token, owner, kind, url,
                                            new_digest, new_size, compressed, old_digest, old_size)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
        [
          ...keyValues(intent.key),
          intent.token,
          intent.owner,
          intent.kind,
          intent.url,
          intent.newDigest,
          intent.newSizeBytes,
          intent.compressed,
          intent.oldDigest,
          intent.oldSizeBytes,
        ],
      );
      if (count === 0) return 'busy';
      await prepareRow(tx, intent, row);
      return 'begun';
    });
  } catch (error) {
    if (error instanceof RowChanged) return 'changed';
    throw error;
  }
};

const prepareRow = async (tx: Queryable, intent: Intent, row: MetadataRow | undefined): Promise<void> => {
  if (row === undefined) {
    const { count } = await tx.query(`SELECT 1 FROM archive_metadata WHERE ${KEY_MATCH}`, keyValues(intent.key));
    if (count > 0) throw new RowChanged();
    return;
  }
  const values = [...keyValues(intent.key), ...rowState(row)];
  const statement = {
    create: `SELECT 1 FROM archive_metadata WHERE ${KEY_MATCH} AND ${UNCHANGED} FOR UPDATE`,
    move: `SELECT 1 FROM archive_metadata WHERE ${KEY_MATCH} AND ${UNCHANGED} FOR UPDATE`,
    // Without a digest every reader takes the old bytes and the new ones: ours, the original services, and a migration.
    replace: `UPDATE archive_metadata SET digest = NULL, size = NULL, last_updated = ${NOW} WHERE ${KEY_MATCH} AND ${UNCHANGED}`,
    delete: `DELETE FROM archive_metadata WHERE ${KEY_MATCH} AND ${UNCHANGED}`,
  }[intent.kind];
  const { count } = await tx.query(statement, values);
  if (count !== 1) throw new RowChanged();
};

/** Removes the intent; false where somebody else has ended it, or taken it over. */
export const endIntent = async (tx: Queryable, intent: Intent): Promise<boolean> => {
  const { count } = await tx.query('DELETE FROM archive_engine_intent WHERE token = $1 AND owner = $2', [
    intent.token,
    intent.owner,
  ]);
  return count === 1;
};

/** The new bytes are there: the row says so, and the intent ends, in one transaction. false where it was no longer ours. */
export const completeWrite = (db: Database, intent: Intent): Promise<boolean> =>
  db.transaction(async (tx) => {
    if (!(await endIntent(tx, intent))) return false;
    await putMetadata(tx, intent.key, {
      contentUrl: intent.url,
      compressed: intent.compressed === true,
      digest: intent.newDigest ?? '',
      sizeBytes: intent.newSizeBytes ?? 0,
    });
    return true;
  });

/** The old bytes are still there, or whatever is there is neither: the row says again what it said. */
export const revertWrite = (db: Database, intent: Intent): Promise<boolean> =>
  db.transaction(async (tx) => {
    if (!(await endIntent(tx, intent))) return false;
    await tx.query(
      `UPDATE archive_metadata SET digest = $5, size = $6, last_updated = ${NOW}
        WHERE ${KEY_MATCH} AND content_url = $7 AND digest IS NULL`,
      [...keyValues(intent.key), intent.oldDigest, intent.oldSizeBytes, intent.url],
    );
    return true;
  });

/** The intent is nobody's any more: its outcome is unknown, and whoever comes by finds it out. */
export const abandonIntent = async (db: Database, intent: Intent): Promise<void> => {
  await db.query('UPDATE archive_engine_intent SET owner = 0 WHERE token = $1 AND owner = $2', [
    intent.token,
    intent.owner,
  ]);
};

/** Takes an abandoned intent over; undefined where another service was faster. */
export const adoptIntent = async (db: Database, intent: Intent, owner: number): Promise<Intent | undefined> => {
  const { count } = await db.query('UPDATE archive_engine_intent SET owner = $3 WHERE token = $1 AND owner = $2', [
    intent.token,
    intent.owner,
    owner,
  ]);
  return count === 1 ? { ...intent, owner } : undefined;
};

export const findIntent = async (db: Queryable, key: DocumentKey): Promise<Intent | undefined> => {
  const { rows } = await db.query<Row>(`SELECT * FROM archive_engine_intent WHERE ${KEY_MATCH}`, keyValues(key));
  return rows[0] && fromRow(rows[0]);
};

/**
 * Intents whose owner no longer lives, or has given them up; and those of `own` that it no longer works on: the database was
 * not there when they ended. Only those of one archive: its store knows nothing of the other one's.
 */
export const findAbandonedIntents = async (
  db: Queryable,
  own: { readonly id: number; readonly inFlight: readonly string[] },
  scope: ArchiveScope,
  limit: number,
): Promise<readonly Intent[]> => {
  const { rows } = await db.query<Row>(
    `SELECT * FROM archive_engine_intent i
      WHERE ($5::boolean IS NULL OR (i.bucket = $6) = $5) AND ((i.owner = $2 AND NOT i.token = ANY ($3::text[])) OR NOT EXISTS (
        SELECT 1 FROM pg_locks l
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = $1::int::oid
           AND l.objid = i.owner::oid AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())))
      ORDER BY started_at LIMIT $4`,
    [
      OWNER_LOCK_CLASS,
      own.id,
      own.inFlight,
      limit,
      scope === 'object-store' ? null : scope === 'analysis-archive',
      ANALYSIS_ARCHIVE_BUCKET,
    ],
  );
  return rows.map(fromRow);
};
