import type { Codec } from '../archive/codec.ts';
import type { Store } from '../archive/store.ts';
import type { Environment } from '../config/environment.ts';
import type { Database } from '../database/database.ts';
import type { Driver } from '../drivers/contract.ts';
import { type DriverConfig, openDriver } from '../drivers/registry.ts';
import { makeReliable, type StandardOptions } from '../drivers/wrappers/standard.ts';

/** What a configuration says of one store. */
export interface StoreSettings {
  readonly driver: DriverConfig;
  readonly compression: Codec;
}

export interface OpenStoreOptions {
  readonly environment: Environment;
  /** Whether bucket, container or folder are created where the configuration says so, which whoever only reads does not want. */
  readonly prepare: boolean;
  /** How patient the store's wrappers are, and whom they tell. */
  readonly reliability: StandardOptions;
  /** Called before the store is touched, with the driver as it is: a wrong store must not even be created. */
  readonly guard?: (driver: Driver) => Promise<void>;
  readonly signal: AbortSignal;
}

/** A store that ends with the scope in which it was opened. */
export interface OpenStore extends AsyncDisposable {
  readonly store: Store;
}

/**
 * The one way from a configuration to a store. Passing faults are waited out, a store that asks for fewer requests gets
 * fewer, and nothing hangs for ever. The first contact, which finds a wrong address or key, is made without that: whoever
 * mistyped one shall not wait. Throws `config.*`, `store.*`, and what `guard` throws.
 */
export const openStore = async (
  db: Database,
  settings: StoreSettings,
  options: OpenStoreOptions,
): Promise<OpenStore> => {
  const { environment, signal } = options;
  await using resources = new AsyncDisposableStack();
  const driver = resources.use(await openDriver(settings.driver, { database: db, environment }));
  await options.guard?.(driver);
  if (options.prepare) await driver.prepare(signal);
  const identity = await driver.identify(signal);
  const store: Store = { driver: makeReliable(driver, options.reliability), codec: settings.compression, identity };
  const owned = resources.move();
  return { store, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};
