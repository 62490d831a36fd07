import type { Driver, StoreIdentity } from '../drivers/contract.ts';
import type { Codec } from './codec.ts';

/** One configured store, opened: where payloads lie, and how content becomes a payload there. */
export interface Store {
  readonly driver: Driver;
  readonly codec: Codec;
  readonly identity: StoreIdentity;
}
