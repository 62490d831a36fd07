import { messageOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Database, Queryable } from '../database/database.ts';
import type { ServiceName } from './settings.ts';

/** How often a service says that it runs. A migration takes one for stopped after 180 seconds of silence. */
const HEARTBEAT_MS = 60_000;
const DEAD_AFTER_SECONDS = 180;

export interface RunningService {
  readonly name: ServiceName;
  readonly hostId: string;
  readonly baseUrl: string;
}

/** A row of `services`, as `/v1/system` shows it. */
export interface ServiceState {
  readonly servicename: string;
  readonly hostid: string;
  readonly baseUrl: string | null;
  /** Whether it says that it runs, and has said so lately. */
  readonly up: boolean;
  readonly statusMessage: string;
  readonly version: string | null;
  readonly type: string | null;
}

const NOW = 'extract(epoch FROM clock_timestamp())::integer';

const beat = async (db: Queryable, services: readonly RunningService[], version: string): Promise<void> => {
  for (const { name, hostId, baseUrl } of services) {
    await db.query(
      `INSERT INTO services (hostid, servicename, type, version, base_url, short_description, status, status_message,
                             heartbeat, created_at, last_updated, record_state_key)
       VALUES ($1, $2, 'anchore', $3, $4, '', true, 'available', ${NOW}, ${NOW}, ${NOW}, 'active')
       ON CONFLICT (hostid, servicename) DO UPDATE SET version = $3, base_url = $4, status = true,
         status_message = 'available', heartbeat = ${NOW}, last_updated = ${NOW}`,
      [hostId, name, version, baseUrl],
    );
  }
};

/** Keeps the rows of these services in `services`; they are removed when it is disposed of. */
export const startHeartbeat = async (
  db: Database,
  services: readonly RunningService[],
  version: string,
  log: Log,
): Promise<AsyncDisposable> => {
  await beat(db, services, version);
  let last: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    last = beat(db, services, version).catch((error: unknown) =>
      log.warn(`the heartbeat could not be written: ${messageOf(error)}`),
    );
  }, HEARTBEAT_MS);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await last;
      for (const { name, hostId } of services)
        await db.query('DELETE FROM services WHERE hostid = $1 AND servicename = $2', [hostId, name]);
    },
  };
};

/** All services of this database, those of other machines too. */
export const listServices = async (db: Queryable): Promise<readonly ServiceState[]> => {
  const { rows } = await db.query<{
    servicename: string;
    hostid: string;
    base_url: string | null;
    status: boolean | null;
    status_message: string | null;
    version: string | null;
    type: string | null;
    age: number | null;
  }>(
    `SELECT servicename, hostid, base_url, status, status_message, version, type, ${NOW} - heartbeat AS age
       FROM services ORDER BY servicename, hostid`,
  );
  return rows.map((row) => {
    const silent = row.age === null || row.age > DEAD_AFTER_SECONDS;
    return {
      servicename: row.servicename,
      hostid: row.hostid,
      baseUrl: row.base_url,
      up: row.status === true && !silent,
      statusMessage: silent ? `no heartbeat for ${row.age ?? '?'} seconds` : (row.status_message ?? ''),
      version: row.version,
      type: row.type,
    };
  });
};
