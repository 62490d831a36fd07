import { AppError } from '../core/errors.ts';
import type { Database } from '../database/database.ts';
import type { Driver } from './contract.ts';
import type { MemoryOptions } from './memory/driver.ts';
import { type ConfigurableDriver, CONFIGURABLE_DRIVERS, type DriverConfigOf, type DriverOptions } from './sections.ts';

/** What surrounds a driver. */
export interface DriverSurroundings {
  /** The database of the metadata; `db` and `db2` keep their payloads in it. Not closed by them. */
  readonly database?: Database;
  /** As the composition root read it: proxies, and the standard variables of a store's own tools. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

interface Registered<Options> {
  /** For a person, one line. */
  readonly description: string;
  /** Loads the driver's code, and that of no other. */
  readonly open: (options: Options, surroundings: DriverSurroundings) => Promise<Driver>;
}

const getDatabase = (name: ConfigurableDriver, { database }: DriverSurroundings): Database => {
  if (database !== undefined) return database;
  throw new AppError('internal', `the driver ${name} was opened without a database`);
};

const REGISTRY: { readonly [Name in ConfigurableDriver]: Registered<DriverOptions[Name]> } = {
  db: {
    description: 'the table archive_document of the service database; text, uncompressed',
    open: async (_, around) => (await import('./db/driver.ts')).openDbDriver(getDatabase('db', around)),
  },
  db2: {
    description: 'the table object_storage of the service database; bytes',
    open: async (_, around) => (await import('./db2/driver.ts')).openDb2Driver(getDatabase('db2', around)),
  },
  localfs: {
    description: 'files below a folder',
    open: async (options) => (await import('./localfs/driver.ts')).openLocalfsDriver(options),
  },
  s3: {
    description: 'a bucket of Amazon S3, or of a server that speaks its protocol',
    open: async (options, { environment }) => (await import('./s3/driver.ts')).openS3Driver(options, { environment }),
  },
  swift: {
    description: 'a container of OpenStack Swift',
    open: async (options, { environment }) =>
      (await import('./swift/driver.ts')).openSwiftDriver(options, { environment }),
  },
  azure: {
    description: 'a container of Azure Blob Storage; Anchore Engine itself has no such driver and cannot read it',
    open: async (options) => (await import('./azure/driver.ts')).openAzureDriver(options),
  },
};

export interface DriverDescription {
  readonly name: ConfigurableDriver;
  readonly description: string;
}

/** What a configuration can name, in the order in which people are told. */
export const DRIVERS: readonly DriverDescription[] = CONFIGURABLE_DRIVERS.map((name) => ({
  name,
  description: REGISTRY[name].description,
}));

/** A driver's name and its options, as its own section parser gives them. `memory` is for tests: no file can name it. */
export type DriverConfig =
  | DriverConfigOf<ConfigurableDriver>
  | { readonly name: 'memory'; readonly options: MemoryOptions };

const openRegistered = <Name extends ConfigurableDriver>(
  { name, options }: DriverConfigOf<Name>,
  surroundings: DriverSurroundings,
): Promise<Driver> => REGISTRY[name].open(options, surroundings);

/**
 * Opens one driver, and loads only that one's code. Nothing is created: `prepare` does that. Throws `config.*` where
 * the options cannot work together, `internal` where a driver lacks its surroundings.
 */
export const openDriver = async (config: DriverConfig, surroundings: DriverSurroundings): Promise<Driver> => {
  if (config.name !== 'memory') return openRegistered(config, surroundings);
  const { openMemoryDriver } = await import('./memory/driver.ts');
  return openMemoryDriver(config.options);
};
