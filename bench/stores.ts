import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerState } from '../scripts/servers/server.ts';
import type { Place } from './place.ts';

/** One store as a configuration names it, and as a rival reaches it. */
export interface BenchStore {
  readonly driver: 'db' | 'db2' | 'localfs' | 's3' | 'swift';
  /** The section `storage_driver.config`. */
  readonly config: Readonly<Record<string, unknown>>;
}

export const DB: BenchStore = { driver: 'db', config: {} };
export const DB2: BenchStore = { driver: 'db2', config: {} };

export const localfsStore = (folder: string): BenchStore => ({
  driver: 'localfs',
  config: { archive_data_dir: folder },
});

/** An S3 server, and a bucket of its own for each run. */
export interface S3Place {
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  readonly bucket: string;
}

export const s3PlaceOf = ({ credentials }: ServerState): S3Place => ({
  url: credentials['s3Url'] ?? '',
  accessKey: credentials['s3AccessKey'] ?? '',
  secretKey: credentials['s3SecretKey'] ?? '',
  region: credentials['s3Region'] ?? 'us-east-1',
  bucket: `bench-${randomBytes(6).toString('hex')}`,
});

export const s3Store = (place: S3Place, prefix = ''): BenchStore => ({
  driver: 's3',
  config: {
    url: place.url,
    bucket: place.bucket,
    access_key: place.accessKey,
    secret_key: place.secretKey,
    create_bucket: true,
    ...(prefix !== '' && { prefix }),
  },
});

export interface SwiftPlace {
  readonly storageUrl: string;
  readonly token: string;
  readonly container: string;
  readonly store: BenchStore;
}

/** Logs in as a client does, and makes up a container. */
export const openSwiftPlace = async ({ credentials }: ServerState): Promise<SwiftPlace> => {
  const { authUrl = '', user = '', key = '' } = credentials;
  const answer = await fetch(authUrl, { headers: { 'x-auth-user': user, 'x-auth-key': key } });
  await answer.body?.cancel();
  const container = `Bench-${randomBytes(6).toString('hex')}`;
  return {
    storageUrl: answer.headers.get('x-storage-url') ?? '',
    token: answer.headers.get('x-auth-token') ?? '',
    container,
    store: { driver: 'swift', config: { auth: authUrl, user, key, container, create_container: true } },
  };
};

/** Writes a configuration as an operator has it, everything else left at its default. */
export const writeConfig = async (
  place: Place,
  store: BenchStore,
  options: { readonly compressed?: boolean } = {},
): Promise<string> => {
  const file = join(place.folder, `config-${store.driver}-${randomBytes(4).toString('hex')}.yaml`);
  const section = {
    compression: { enabled: options.compressed === true, min_size_kbytes: 100 },
    storage_driver: { name: store.driver, config: store.config },
  };
  // JSON is YAML too.
  await writeFile(file, `services: {catalog: {object_store: ${JSON.stringify(section)}}}\n`, { mode: 0o600 });
  return file;
};
