import type { Queryable } from '../../database/database.ts';

/** Settings of the server on which a migration depends, or that explain its speed; none of them can hold a secret. */
const SETTINGS: readonly string[] = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'max_wal_size',
  'synchronous_standby_names',
  'max_connections',
  'superuser_reserved_connections',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'default_transaction_isolation',
  'shared_buffers',
  'work_mem',
  'maintenance_work_mem',
  'temp_file_limit',
  'autovacuum',
  'server_encoding',
  'lc_collate',
  'TimeZone',
  'ssl',
  'in_hot_standby',
];

export interface ServerFacts {
  readonly version: string;
  readonly settings: readonly {
    readonly name: string;
    readonly setting: string;
    readonly unit: string | null;
    readonly source: string;
  }[];
  /** Tables of the archive and of this tool; rows are the server's own estimate, -1 where it has none. */
  readonly tables: readonly { readonly name: string; readonly bytes: number; readonly estimatedRows: number }[];
  /** Services that Anchore's own table tells of, and how old their last sign of life is. */
  readonly services: readonly {
    readonly name: string;
    readonly host: string;
    readonly heartbeatAgeSeconds: number | null;
  }[];
  readonly sessions: number;
}

const TABLES = `c.relname IN ('archive_metadata', 'archive_document', 'object_storage', 'tasks', 'archive_migration_tasks')
             OR c.relname LIKE 'archive\\_mover\\_%'`;

/** What a question about the database needs; no name of a user, no address. */
export const getServerFacts = async (db: Queryable): Promise<ServerFacts> => {
  const version = await db.query<{ version: string }>('SELECT version() AS version');
  const settings = await db.query<ServerFacts['settings'][number]>(
    'SELECT name, setting, unit, source FROM pg_settings WHERE name = ANY ($1) ORDER BY name',
    [SETTINGS],
  );
  const tables = await db.query<ServerFacts['tables'][number]>(
    `SELECT c.relname AS name, pg_total_relation_size(c.oid)::float8 AS bytes, c.reltuples::float8 AS "estimatedRows"
       FROM pg_class c WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) AND (${TABLES}) ORDER BY c.relname`,
  );
  const sessions = await db.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database()',
  );
  return {
    version: version.rows[0]?.version ?? 'unknown',
    settings: settings.rows,
    tables: tables.rows,
    services: await listServices(db),
    sessions: sessions.rows[0]?.count ?? 0,
  };
};

const listServices = async (db: Queryable): Promise<ServerFacts['services']> => {
  const found = await db.query<{ found: boolean }>(`SELECT to_regclass('services') IS NOT NULL AS found`);
  if (found.rows[0]?.found !== true) return [];
  const { rows } = await db.query<ServerFacts['services'][number]>(
    `SELECT servicename AS name, hostid AS host,
            (extract(epoch FROM now()) - heartbeat)::float8 AS "heartbeatAgeSeconds" FROM services ORDER BY servicename, hostid`,
  );
  return rows;
};
