import { AppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import type { Store } from '../archive/store.ts';
import type { StoreIdentity } from '../drivers/contract.ts';
import { sampleUrl } from './scope.ts';

/** Which store the last switch made current. Rows alone cannot tell two stores apart whose URLs look alike (rule R8). */
export interface CurrentStore extends StoreIdentity {
  readonly migrationId: number;
  /** The URL that it gives to a sample document. */
  readonly sampleUrl: string;
}

interface Row {
  migration_id: number;
  driver: StoreIdentity['driver'];
  fingerprint: string;
  namespace: string;
  description: string;
  sample_url: string;
}

export const findCurrentStore = async (db: Queryable): Promise<CurrentStore | undefined> => {
  const { rows } = await db.query<Row>('SELECT * FROM archive_mover_current_store');
  const row = rows[0];
  return (
    row && {
      migrationId: row.migration_id,
      driver: row.driver,
      fingerprint: row.fingerprint,
      namespace: row.namespace,
      description: row.description,
      sampleUrl: row.sample_url,
    }
  );
};

/** Recorded by the transaction that switches, so that it is true exactly when the rows are. */
export const recordCurrentStore = async (tx: Queryable, migrationId: number, store: Store): Promise<void> => {
  const { driver, fingerprint, namespace, description } = store.identity;
  await tx.query(
    `INSERT INTO archive_mover_current_store (migration_id, driver, fingerprint, namespace, description, sample_url)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (only_row) DO UPDATE SET migration_id = $1, driver = $2, fingerprint = $3, namespace = $4,
       description = $5, sample_url = $6, since = now()`,
    [migrationId, driver, fingerprint, namespace, description, sampleUrl(store.driver)],
  );
};

/**
 * Throws `refused.not-current` where a configuration gives documents the same URLs as the current store, but is another
 * store: other bytes, or none, are behind them.
 */
export const refuseUnlessCurrent = async (db: Queryable, store: Store): Promise<void> => {
  const current = await findCurrentStore(db);
  if (current === undefined || current.sampleUrl !== sampleUrl(store.driver)) return;
  if (current.driver === store.identity.driver && current.namespace === store.identity.namespace) return;
  throw new AppError(
    'refused.not-current',
    `the archive is in ${current.description} since migration ${current.migrationId}, not in ${store.identity.description}`,
  );
};
