import { AppError } from '../core/errors.ts';
import type { Queryable } from '../database/database.ts';

/** A heartbeat younger than this means a running service; services send one every 60 s. In seconds. */
const LIVE_HEARTBEAT_SECONDS = 180;
/** Programs that a person or a monitor uses beside a migration, by the name that they give PostgreSQL. */
const TOLERATED_APPLICATIONS =
  '^(anchore-manager|psql|pg_dump|pg_dumpall|pg_basebackup|pg_restore|pgAdmin|DBeaver|pgcli|DataGrip|postgres_exporter|pganalyze|check_postgres|TablePlus|telegraf|datadog)';

/** What the services' heartbeats were when a run began, by `servicename on hostid`: one that advances means a running service, whatever its clock says. */
export type Heartbeats = ReadonlyMap<string, number>;

export const readHeartbeats = async (db: Queryable): Promise<Heartbeats> => {
  const { rows } = await db.query<{ who: string; heartbeat: number }>(
    `SELECT servicename || ' on ' || hostid AS who, heartbeat FROM services WHERE heartbeat IS NOT NULL`,
  );
  return new Map(rows.map((row) => [row.who, row.heartbeat]));
};

/**
 * Refuses where something may still write documents (rule R14): first other sessions on this database, whose life needs no
 * clock, then services whose heartbeat is recent, or in the future, by the database's clock. Throws
 * `refused.services-running`, naming what was found.
 */
export const refuseWhileServicesRun = async (db: Queryable, before?: Heartbeats): Promise<void> => {
  const sessions = await db.query<{ pid: number; name: string; who: string; since: string; count: number }>(
    `SELECT min(pid)::int AS pid, application_name AS name, min(since) AS since, who, count(*)::int AS count FROM (
       SELECT pid, coalesce(application_name, '') AS application_name, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS') AS since,
              coalesce(usename, '?') || coalesce('@' || host(client_addr), '') AS who
         FROM pg_stat_activity -- of other roles' sessions, only pid, database and user may be visible
        WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()
          AND coalesce(backend_type, 'client backend') = 'client backend') s
      WHERE application_name !~* $1 GROUP BY application_name, who ORDER BY 1 LIMIT 5`,
    [TOLERATED_APPLICATIONS],
  );
  if (sessions.count > 0) {
    const named = sessions.rows.map(
      (row) =>
        `${row.who} (${row.name === '' ? 'no application name' : row.name}, server process ${row.pid}${row.count > 1 ? ` and ${row.count - 1} more` : ''}, since ${row.since})`,
    );
    throw running(`other sessions are open on the database: ${named.join('; ')}`);
  }
  const services = await listLiveServices(db);
  if (services.length > 0) {
    const named = services.map(
      (row) =>
        `${row.servicename} on ${row.hostid} (heartbeat ${row.age < 0 ? `${-row.age} s in the future: the clocks differ` : `${row.age} s ago`})`,
    );
    throw running(`services still run: ${named.join('; ')}`);
  }
  if (before !== undefined) await refuseAdvanced(db, before);
};

interface LiveService {
  readonly servicename: string;
  readonly hostid: string;
  readonly age: number;
}

/** A database without Anchore's tables has never had a service. */
const listLiveServices = async (db: Queryable): Promise<readonly LiveService[]> => {
  const { rows: found } = await db.query<{ there: boolean }>(`SELECT to_regclass('services') IS NOT NULL AS there`);
  if (found[0]?.there !== true) return [];
  const { rows } = await db.query<LiveService>(
    `SELECT servicename, hostid, extract(epoch FROM clock_timestamp())::bigint - heartbeat AS age FROM services
      WHERE heartbeat > extract(epoch FROM clock_timestamp())::bigint - $1 ORDER BY servicename, hostid LIMIT 10`,
    [LIVE_HEARTBEAT_SECONDS],
  );
  return rows;
};

/** A clock that is wrong does not hide a service: its heartbeats advance. */
const refuseAdvanced = async (db: Queryable, before: Heartbeats): Promise<void> => {
  const advanced = [...(await readHeartbeats(db))].filter(([who, heartbeat]) => heartbeat > (before.get(who) ?? -1));
  if (advanced.length > 0)
    throw running(`services still run: ${advanced.map(([who]) => who).join(', ')} (heartbeats advance)`);
};

const running = (what: string): AppError => new AppError('refused.services-running', what);
