import { AppError, unreachable } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import type { Driver, DriverName } from './contract.ts';
import type { Db2Options } from './db2/config.ts';
import type { DbOptions } from './db/config.ts';
import type { LocalfsOptions } from './localfs/config.ts';
import type { MemoryOptions } from './memory/driver.ts';
import type { S3Options } from './s3/config.ts';
import type { SwiftOptions } from './swift/config.ts';
import { makeReliable, type StandardOptions } from './wrappers/standard.ts';

/** A driver's name and its options, as its own section parser gives them. */
export type DriverConfig =
  | { readonly name: 'db'; readonly options: DbOptions }
  | { readonly name: 'db2'; readonly options: Db2Options }
  | { readonly name: 'localfs'; readonly options: LocalfsOptions }
  | { readonly name: 's3'; readonly options: S3Options }
  | { readonly name: 'swift'; readonly options: SwiftOptions }
  | { readonly name: 'memory'; readonly options: MemoryOptions };

/** What surrounds a driver. */
export interface DriverSurroundings {
  /** The database of the metadata; `db` and `db2` keep their payloads in it. Not closed by them. */
  readonly database?: Database;
  /** As the composition root read it: proxies, and the standard variables of a store's own tools. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface DriverDescription {
  readonly name: DriverName;
  /** For a person, one line. */
  readonly description: string;
}

/** What a configuration can name, in the order in which people are told. */
export const DRIVERS: readonly DriverDescription[] = [
  { name: 'db', description: 'the table archive_document of the service database; text, uncompressed' },
  { name: 'db2', description: 'the table object_storage of the service database; bytes' },
  { name: 'localfs', description: 'files below a folder' },
  { name: 's3', description: 'a bucket of Amazon S3, or of a server that speaks its protocol' },
  { name: 'swift', description: 'a container of OpenStack Swift' },
];

/**
 * Opens one driver, and loads only that one's code. Nothing is created: `prepare` does that. Throws `config.*` where
 * the options cannot work together, `internal` where a driver lacks its surroundings.
 */
export const openDriver = async (config: DriverConfig, surroundings: DriverSurroundings): Promise<Driver> => {
  switch (config.name) {
    case 'db': {
      const { openDbDriver } = await import('./db/driver.ts');
      return openDbDriver(getDatabase(config.name, surroundings));
    }
    case 'db2': {
      const { openDb2Driver } = await import('./db2/driver.ts');
      return openDb2Driver(getDatabase(config.name, surroundings));
    }
    case 'localfs': {
      const { openLocalfsDriver } = await import('./localfs/driver.ts');
      return openLocalfsDriver(config.options);
    }
    case 's3': {
      const { openS3Driver } = await import('./s3/driver.ts');
      return openS3Driver(config.options, { environment: surroundings.environment });
    }
    case 'swift': {
      const { openSwiftDriver } = await import('./swift/driver.ts');
      return openSwiftDriver(config.options, { environment: surroundings.environment });
    }
    case 'memory': {
      const { openMemoryDriver } = await import('./memory/driver.ts');
      return openMemoryDriver(config.options);
    }
    default:
      return unreachable(config);
  }
};

/**
 * The same driver, which tries again what may succeed, ends what hangs, and sends no more at once than the store
 * takes.
 */
export const openReliableDriver = async (
  config: DriverConfig,
  surroundings: DriverSurroundings,
  options: StandardOptions = {},
): Promise<Driver> => makeReliable(await openDriver(config, surroundings), options);

const getDatabase = (name: DriverName, { database }: DriverSurroundings): Database => {
  if (database !== undefined) return database;
  throw new AppError('internal', `the driver ${name} was opened without a database`);
};
