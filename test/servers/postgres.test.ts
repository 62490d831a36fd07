import { getRunning } from '../../scripts/servers/running.ts';
import { openDbDriver } from '../../src/drivers/db/driver.ts';
import { openDb2Driver } from '../../src/drivers/db2/driver.ts';
import { runConformance } from '../../src/drivers/conformance/suite.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { ensureAnchoreTables } from '../../src/database/schema/anchore-tables.ts';

/** The whole server is this suite's own: its database `postgres` is empty until the suites make their tables. */
const openOn = async (): Promise<Database> => {
  const { credentials } = await getRunning('postgres');
  const db = await openDatabase(parseConnectUrl(credentials['url'] ?? '', { place: 'test', environment: {} }));
  await ensureAnchoreTables(db);
  return db;
};

for (const [name, open] of [
  ['db', openDbDriver],
  ['db2', openDb2Driver],
] as const) {
  runConformance({
    name: `${name} on the PostgreSQL of servers:start`,
    open: async () => {
      const db = await openOn();
      return { driver: open(db), remove: () => db[Symbol.asyncDispose]() };
    },
    quirks: {},
  });
}
