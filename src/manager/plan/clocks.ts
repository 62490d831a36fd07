import type { ArchiveConfig } from '../../config/archive-section.ts';
import { AppError } from '../../core/errors.ts';
import type { Queryable } from '../../database/database.ts';
import { openTransport } from '../../drivers/http/transport.ts';
import type { CommandContext } from '../context.ts';

/** Less is the way there and back, and the whole seconds of a Date header. */
const TOLERATED_SECONDS = 60;
const ANSWER_MS = 5_000;

const skewed = (what: string, seconds: number): AppError =>
  new AppError(
    'store.clock-skew',
    `the clock of ${what} is ${Math.round(Math.abs(seconds))} s ${seconds > 0 ? 'ahead of' : 'behind'} that of this machine`,
    {
      remedy:
        'Set both clocks: stores refuse requests whose time is wrong, and heartbeats of services look too old or too young.',
    },
  );

/** How far the clock is ahead of ours, if it was read in the middle of asking; in seconds. */
const measureSkew = async (readMs: () => Promise<number | undefined>): Promise<number | undefined> => {
  const before = Date.now();
  const theirs = await readMs();
  return theirs === undefined ? undefined : (theirs - (before + Date.now()) / 2) / 1000;
};

/** Throws `store.clock-skew` where the database's clock differs from this machine's. */
export const refuseDatabaseSkew = async (db: Queryable): Promise<void> => {
  const skew = await measureSkew(async () => {
    const { rows } = await db.query<{ ms: string }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS ms',
    );
    return Number(rows[0]?.ms ?? Number.NaN);
  });
  if (skew !== undefined && Math.abs(skew) > TOLERATED_SECONDS) throw skewed('the database server', skew);
};

interface Endpoint {
  readonly url: string;
  readonly caFile: string | undefined;
  readonly verify: boolean;
}

/** Where a store on the network answers; undefined for the others, and where no configuration names it. */
const endpointOf = ({ driver }: ArchiveConfig): Endpoint | undefined => {
  switch (driver.name) {
    case 's3': {
      const { url = 'https://s3.amazonaws.com/', caFile, verify } = driver.options;
      return { url, caFile, verify };
    }
    case 'swift': {
      const { auth, storageUrl, caFile, insecure } = driver.options;
      const url = storageUrl ?? ('url' in auth ? auth.url : undefined);
      return url === undefined ? undefined : { url, caFile, verify: !insecure };
    }
    case 'azure':
      return { url: driver.options.url, caFile: undefined, verify: true };
    default:
      return undefined;
  }
};

/** Throws `store.clock-skew` where the clock of a store, by the Date of any answer, differs from this machine's. */
export const refuseStoreSkew = async (context: CommandContext, config: ArchiveConfig): Promise<void> => {
  const endpoint = endpointOf(config);
  if (endpoint === undefined) return;
  const { environment, signal } = context;
  const caFile = endpoint.caFile === undefined ? undefined : { option: 'ca_file', path: endpoint.caFile };
  const transport = await openTransport({ caFile, verify: endpoint.verify, environment });
  try {
    const skew = await measureSkew(async () => {
      const answer = await transport.request({
        origin: new URL(endpoint.url).origin,
        path: '/',
        method: 'GET',
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      });
      await answer.body.dump();
      const { date } = answer.headers;
      const ms = typeof date === 'string' ? Date.parse(date) : Number.NaN;
      return Number.isNaN(ms) ? undefined : ms;
    });
    if (skew !== undefined && Math.abs(skew) > TOLERATED_SECONDS) throw skewed(new URL(endpoint.url).host, skew);
  } catch (error) {
    // A store that does not answer is told by what was tried on it.
    if (error instanceof AppError) throw error;
    signal.throwIfAborted();
  } finally {
    await transport.destroy();
  }
};
