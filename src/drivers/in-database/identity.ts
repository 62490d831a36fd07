import { isAppError } from '../../core/errors.ts';
import type { Database } from '../../database/database.ts';
import type { StoreIdentity } from '../contract.ts';
import type { PayloadTable } from './payload-table.ts';

/**
 * The table, told from every other one by the cluster's system identifier and the database's oid: names and addresses
 * differ between machines that reach the same server. Where the role may not read it, by the server's own address.
 */
export const identifyTable = async (db: Database, { driver, table }: PayloadTable): Promise<StoreIdentity> => {
  const fingerprint = `${driver}:${await findDatabaseIdentity(db)}/${db.schema}.${table}`;
  const description = `table ${db.schema}.${table} in ${db.description}`;
  return { driver, fingerprint, namespace: fingerprint, description };
};

const findDatabaseIdentity = async (db: Database): Promise<string> => {
  // Every embedded database is a copy of one that was made beforehand, with its identifier.
  if (db.kind === 'embedded') return db.description;
  const cluster = await findCluster(db);
  const { rows } = await db.query<{ oid: string; name: string }>(
    'SELECT oid::text AS oid, datname AS name FROM pg_database WHERE datname = current_database()',
  );
  return `${cluster}/${rows[0]?.oid ?? ''}/${rows[0]?.name ?? ''}`;
};

const findCluster = async (db: Database): Promise<string> => {
  try {
    const { rows } = await db.query<{ id: string }>('SELECT system_identifier::text AS id FROM pg_control_system()');
    return rows[0]?.id ?? '';
  } catch (error) {
    if (!isAppError(error, 'database.denied')) throw error;
    const { rows } = await db.query<{ place: string }>(
      `SELECT concat_ws(':', coalesce(host(inet_server_addr()), 'local'), current_setting('port'), current_setting('data_directory', true)) AS place`,
    );
    return rows[0]?.place ?? '';
  }
};
