import { DATABASE_KINDS, openTestDatabase } from '../../../test/support/each-database.ts';
import { ensureAnchoreTables } from '../../database/schema/anchore-tables.ts';
import { runConformance } from '../conformance/suite.ts';
import { openDb2Driver } from './driver.ts';

for (const kind of DATABASE_KINDS) {
  runConformance({
    name: `db2 on ${kind}`,
    open: async () => {
      const database = await openTestDatabase(kind);
      await ensureAnchoreTables(database.db);
      return { driver: openDb2Driver(database.db), remove: () => database[Symbol.asyncDispose]() };
    },
    quirks: {},
  });
}
