import assert from 'node:assert/strict';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { getRunning } from '../../scripts/servers/running.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { isPooled, keepsSession, markSession } from '../../src/database/pooler-detection.ts';
import { type PrivatePostgres, startPrivatePostgres } from '../support/postgres.ts';

describe('PostgreSQL behind PgBouncer', () => {
  let postgres: PrivatePostgres;
  let urlOf: (database: string) => string;

  before(async () => {
    const pgbouncer = await getRunning('pgbouncer');
    const { user = '', password = '' } = pgbouncer.credentials;
    postgres = await startPrivatePostgres();
    const socket = join(postgres.socketFolder, `.s.PGSQL.${postgres.port}`);
    const link = join(pgbouncer.folder, 'postgres', '.s.PGSQL.5432');
    await rm(link, { force: true });
    await symlink(socket, link);
    const direct = parseConnectUrl(postgres.urlOf('postgres'), { place: 'test', environment: {} });
    await using admin = await openDatabase(direct);
    await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
    urlOf = (database) => `postgresql://${user}:${password}@127.0.0.1:${pgbouncer.ports['postgres']}/${database}`;
  });
  after(() => postgres[Symbol.asyncDispose]());

  for (const [database, pooled] of [
    ['transaction', true],
    ['transaction_narrow', true],
    ['session', false],
  ] as const) {
    test(`pooling "${database}" is ${pooled ? 'found' : 'no obstacle'}`, async () => {
      await using db = await openDatabase(parseConnectUrl(urlOf(database), { place: 'test', environment: {} }));
      assert.equal(await isPooled(db), pooled);
    });
  }

  test('a marked session is known again only while it is the same', async () => {
    await using db = await openDatabase(parseConnectUrl(urlOf('transaction'), { place: 'test', environment: {} }));
    await using session = await db.openSession();
    await using other = await db.openSession();
    const mark = await markSession(session);
    assert.equal(await keepsSession(session, mark), true);
    const kept = await other.transaction(async (tx) => {
      await tx.query('SELECT 1');
      return keepsSession(session, mark);
    });
    assert.equal(kept, false);
  });
});
