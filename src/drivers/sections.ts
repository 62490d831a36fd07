import type { DriverSection } from '../core/driver-section.ts';
import { azureSection } from './azure/config.ts';
import { dbSection } from './db/config.ts';
import { db2Section } from './db2/config.ts';
import { localfsSection } from './localfs/config.ts';
import { s3Section } from './s3/config.ts';
import { swiftSection } from './swift/config.ts';

/**
 * The drivers that a configuration can name, in the order in which people are told them, each with what its part of the
 * file may hold. Apart from the registry, so that a configuration can be read without the code of any store.
 */
export const SECTIONS = {
  db: dbSection,
  db2: db2Section,
  localfs: localfsSection,
  s3: s3Section,
  swift: swiftSection,
  azure: azureSection,
} as const;

export type ConfigurableDriver = keyof typeof SECTIONS;

/** The parsed options of each driver, by its name. */
export type DriverOptions = {
  readonly [Name in ConfigurableDriver]: (typeof SECTIONS)[Name] extends DriverSection<Name, infer Options>
    ? Options
    : never;
};

/** A driver's name with its options. */
export type DriverConfigOf<Name extends ConfigurableDriver> = {
  readonly [Each in Name]: { readonly name: Each; readonly options: DriverOptions[Each] };
}[Name];

export type DriverConfig = DriverConfigOf<ConfigurableDriver>;

export const CONFIGURABLE_DRIVERS = Object.keys(SECTIONS) as readonly ConfigurableDriver[];

export const isConfigurable = (name: string): name is ConfigurableDriver => Object.hasOwn(SECTIONS, name);
