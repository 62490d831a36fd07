import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type S3Server, startFauxqs } from '../../test/support/fauxqs.ts';
import { type PostgresServer, startPostgresServer } from '../../test/support/postgres-server.ts';
import { Shell } from './shell.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const BUCKET = 'anchore-engine-testing';

/** What an operator has before the migration: servers that run, a configuration, and a folder. */
export interface Place extends AsyncDisposable {
  readonly shell: Shell;
  readonly postgres: PostgresServer;
  readonly s3: S3Server;
  readonly ports: { readonly api: number; readonly catalog: number };
  /** Of the administrator. */
  readonly password: string;
  /** How many documents the database itself holds. */
  countInDatabase(): Promise<number>;
  /** The keys in the bucket, sorted; none while there is no bucket. */
  listBucket(): Promise<readonly string[]>;
}

const findFreePort = async (): Promise<number> => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
};

const service = (port: number): string => `    enabled: true
    listen: 127.0.0.1
    endpoint_hostname: 127.0.0.1
    port: ${port}
`;

/** Secrets come from the environment, as the original allows it. */
const configText = (ports: Place['ports'], archive: string): string => `host_id: anchore
default_admin_password: \${ANCHORE_CLI_PASS}
services:
  apiext:
${service(ports.api)}  catalog:
${service(ports.catalog)}    archive:
${archive}credentials:
  database:
    db_connect: \${db}
    db_connect_args: {ssl: false, timeout: 30}
`;

const IN_DATABASE = `      compression: {enabled: false, min_size_kbytes: 100}
      storage_driver: {name: db, config: {}}
`;

const inS3 = (url: string): string => `      compression: {enabled: true, min_size_kbytes: 100}
      storage_driver:
        name: s3
        config:
          url: ${url}
          region: false
          bucket: ${BUCKET}
          prefix: internaltest/
          create_bucket: true
          access_key: AKIAEXAMPLE
          secret_key: \${S3_SECRET_KEY}
`;

/** The edited copy of step 2: another section for the archive, everything else as it was. */
export const destinationText = (place: Place): string => configText(place.ports, inS3(place.s3.url));

/** Starts a PostgreSQL and an S3 server, and writes config/config.yaml for an archive in the database. Dispose of it. */
export const createPlace = async (): Promise<Place> => {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'guide-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = resources.use(await startPostgresServer());
  const s3 = resources.use(await startFauxqs());
  const ports = { api: await findFreePort(), catalog: await findFreePort() };
  const password = randomBytes(12).toString('hex');
  const url = postgres.urlOf('postgres');
  const shell = new Shell({
    folder,
    environment: {
      PATH: `${join(REPOSITORY, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      db: url,
      ANCHORE_CLI_URL: `http://127.0.0.1:${ports.api}/v1`,
      ANCHORE_CLI_USER: 'admin',
      ANCHORE_CLI_PASS: password,
      S3_SECRET_KEY: randomBytes(20).toString('hex'),
    },
  });
  await mkdir(join(folder, 'config'));
  await writeFile(join(folder, 'config/config.yaml'), configText(ports, IN_DATABASE));
  const owned = resources.move();
  return {
    shell,
    postgres,
    s3,
    ports,
    password,
    countInDatabase: async () => {
      const client = new pg.Client({ connectionString: url, application_name: 'psql' });
      await client.connect();
      try {
        const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM archive_document');
        return rows[0]?.count ?? 0;
      } finally {
        await client.end();
      }
    },
    listBucket: () =>
      s3.listKeys(BUCKET).catch((error: unknown) => {
        if (String(error).includes('NoSuchBucket')) return [];
        throw error;
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};
