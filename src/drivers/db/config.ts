import { z } from 'zod';
import type { DriverSection } from '../../core/driver-section.ts';

/** The `db` driver keeps payloads in `archive_document`, in the database of the metadata: there is nothing to set. */
export type DbOptions = Record<string, never>;

export const dbSection: DriverSection<'db', DbOptions> = {
  driver: 'db',
  schema: z.object({}).transform((): DbOptions => ({})),
  keys: [],
  secretKeys: [],
  environment: {},
};
