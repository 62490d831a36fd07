import { DATABASE_KINDS, openTestDatabase } from '../../../test/support/each-database.ts';
import { ensureAnchoreTables } from '../../database/schema/anchore-tables.ts';
import { runConformance } from '../conformance/suite.ts';
import { openDbDriver } from './driver.ts';

for (const kind of DATABASE_KINDS) {
  runConformance({
    name: `db on ${kind}`,
    open: async () => {
      const database = await openTestDatabase(kind);
      await ensureAnchoreTables(database.db);
      return { driver: openDbDriver(database.db), remove: () => database[Symbol.asyncDispose]() };
    },
    quirks: {},
  });
}
