import { z } from 'zod';
import type { DriverSection } from '../../core/driver-section.ts';

/** The `db2` driver keeps payloads in `object_storage`, in the database of the metadata: there is nothing to set. */
export type Db2Options = Record<string, never>;

export const db2Section: DriverSection<'db2', Db2Options> = {
  driver: 'db2',
  schema: z.object({}).transform((): Db2Options => ({})),
  keys: [],
  secretKeys: [],
  environment: {},
};
