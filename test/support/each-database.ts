import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import type { DatabaseTarget } from '../../src/database/database-target.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase, type OpenOptions } from '../../src/database/open-database.ts';
import { getTestPostgres } from './postgres.ts';

/** For loops: what holds on one kind of database has to hold on the other. */
export const DATABASE_KINDS = ['postgres', 'embedded'] as const;

export interface OpenTestDatabase extends AsyncDisposable {
  readonly db: Database;
  readonly target: DatabaseTarget;
  readonly url: string;
}

export interface TestDatabaseOptions extends OpenOptions {
  readonly template?: 'empty' | 'fixture';
}

/** A database of its own, opened by the product's own code. The embedded one takes seconds: share it within a test file. */
export const openTestDatabase = async (
  kind: (typeof DATABASE_KINDS)[number],
  options: TestDatabaseOptions = {},
): Promise<OpenTestDatabase> => {
  await using resources = new AsyncDisposableStack();
  let url: string;
  if (kind === 'postgres') {
    const postgres = await getTestPostgres();
    url = resources.use(await postgres.createDatabase({ template: options.template ?? 'empty' })).url;
  } else {
    const folder = await mkdtemp(join(tmpdir(), 'test-embedded-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    url = `embedded:${folder}`;
  }
  const target = parseConnectUrl(url, { place: 'test', environment: {} });
  const db = resources.use(await openDatabase(target, options));
  const owned = resources.move();
  return { db, target, url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
};
