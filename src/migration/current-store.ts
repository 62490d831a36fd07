import { AppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';
import type { StoreIdentity } from '../drivers/contract.ts';

/** Which store the last switch made current. Rows alone cannot tell two stores apart whose URLs look alike (rule R8). */
export interface CurrentStore extends StoreIdentity {
  readonly migrationId: number;
}

interface Row {
  migration_id: number;
  driver: StoreIdentity['driver'];
  fingerprint: string;
  namespace: string;
  description: string;
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
    }
  );
};

/** Recorded by the transaction that switches, so that it is true exactly when the rows are. */
export const recordCurrentStore = async (tx: Queryable, migrationId: number, store: StoreIdentity): Promise<void> => {
  await tx.query(
    `INSERT INTO archive_mover_current_store (migration_id, driver, fingerprint, namespace, description)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (only_row) DO UPDATE SET migration_id = $1, driver = $2, fingerprint = $3, namespace = $4,
       description = $5, since = now()`,
    [migrationId, store.driver, store.fingerprint, store.namespace, store.description],
  );
};

/**
 * Throws `refused.not-current` where a configuration of the current store's driver names another namespace: its URLs look
 * like the archive's, but other bytes, or none, are behind them.
 */
export const refuseUnlessCurrent = async (db: Queryable, store: StoreIdentity): Promise<void> => {
  const current = await findCurrentStore(db);
  if (current === undefined || current.driver !== store.driver || current.namespace === store.namespace) return;
  throw new AppError(
    'refused.not-current',
    `the archive is in ${current.description} since migration ${current.migrationId}, not in ${store.description}`,
  );
};
