import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../../../test/support/each-database.ts';
import { getTestPostgres } from '../../../test/support/postgres.ts';
import { isAppError } from '../../core/errors.ts';
import { parseConnectUrl } from '../connect-url.ts';
import type { Database } from '../database.ts';
import { openDatabase } from '../open-database.ts';
import { ANCHORE_TABLES } from './anchore-ddl.ts';
import { ensureAnchoreTables, readServiceVersion } from './anchore-tables.ts';
import { dropOwnTables, ensureOwnTables, readOwnVersion } from './own-tables.ts';

const NAMES = ANCHORE_TABLES.map(({ name }) => name);

/** What the catalogue says of Anchore's tables: columns, keys, indexes, enumerated types, sequences. */
const readCatalogue = async (db: Database): Promise<unknown> => {
  const read = async (text: string): Promise<readonly object[]> => (await db.query(text, [NAMES])).rows;
  return {
    columns: await read(
      `SELECT table_name, column_name, ordinal_position, data_type, udt_name, is_nullable, column_default, character_maximum_length
         FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ANY ($1)
        ORDER BY table_name, ordinal_position`,
    ),
    constraints: await read(
      `SELECT conrelid::regclass::text AS on_table, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE connamespace = current_schema()::regnamespace AND contype <> 'n' AND conrelid::regclass::text = ANY ($1) ORDER BY 1, 2`,
    ),
    indexes: await read(
      `SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = current_schema() AND tablename = ANY ($1) ORDER BY 1, 2`,
    ),
    enums: await read(
      `SELECT t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
        WHERE t.oid IN (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid::regclass::text = ANY ($1)) ORDER BY 1, e.enumsortorder`,
    ),
    sequences: await read(
      `SELECT s.sequencename, s.data_type::text, s.start_value, s.increment_by, s.max_value, s.cycle,
              pg_get_serial_sequence('tasks', 'id') AS of_tasks
         FROM pg_sequences s WHERE s.schemaname = current_schema() AND s.sequencename = 'tasks_id_seq' AND $1::text[] IS NOT NULL`,
    ),
  };
};

for (const kind of DATABASE_KINDS) {
  describe(`tables: ${kind}`, () => {
    let opened: OpenTestDatabase;
    let db: Database;
    before(async () => {
      opened = await openTestDatabase(kind);
      db = opened.db;
    });
    after(() => opened[Symbol.asyncDispose]());

    test("a fresh database gets all of Anchore's, equal to its own", async () => {
      assert.equal(await readServiceVersion(db), undefined);
      assert.deepEqual(await ensureAnchoreTables(db), NAMES);
      assert.deepEqual(await ensureAnchoreTables(db), []);
      await using fixture = await openTestDatabase('postgres', { template: 'fixture' });
      assert.deepEqual(await readCatalogue(db), await readCatalogue(fixture.db));
    });

    test('the database of an older Anchore gets what a migration needs, and keeps what it has', async () => {
      await db.query(
        'DROP TABLE object_storage, archive_migration_tasks, tasks, user_access_credentials, account_users, accounts',
      );
      await db.query('DROP TYPE task_states');
      await db.query('ALTER TABLE archive_document DROP COLUMN b64_encoded');
      assert.deepEqual(await ensureAnchoreTables(db), ['object_storage', 'tasks', 'archive_migration_tasks']);
      const { rows } = await db.query("SELECT 1 FROM information_schema.columns WHERE column_name = 'b64_encoded'");
      assert.equal(rows.length, 0);
      await db.query(
        "INSERT INTO anchore (service_version, db_version, created_at) VALUES ('0.2.4', '0.0.6', 1), ('0.2.3', '0.0.5', 0)",
      );
      assert.deepEqual(await readServiceVersion(db), { serviceVersion: '0.2.4', dbVersion: '0.0.6' });
    });

    test('our own tables: created once, brought forward, refused if newer, removed', async () => {
      const first = ['CREATE TABLE own_a (id integer PRIMARY KEY); CREATE TABLE own_b (id integer REFERENCES own_a)'];
      const second = [...first, 'ALTER TABLE own_a ADD COLUMN more text'];
      assert.equal(await readOwnVersion(db), 0);
      const found = await Promise.all([
        ensureOwnTables(db, first),
        ensureOwnTables(db, first),
        ensureOwnTables(db, first),
      ]);
      assert.deepEqual(
        found.toSorted((a, b) => a - b),
        [0, 1, 1],
      );
      await db.query('INSERT INTO own_a VALUES (7)');
      assert.equal(await ensureOwnTables(db, second), 1);
      assert.deepEqual((await db.query('SELECT * FROM own_a')).rows, [{ id: 7, more: null }]);
      const isNewer = (error: unknown): boolean => isAppError(error, 'refused.newer-journal');
      await assert.rejects(ensureOwnTables(db, first), isNewer);
      await assert.rejects(dropOwnTables(db, first, ['own_b', 'own_a']), isNewer);
      await assert.rejects(ensureOwnTables(db, [...second, 'CREATE TABLE own_c (); SELECT 1/0']), (error) =>
        isAppError(error, 'database.failed'),
      );
      assert.equal(await readOwnVersion(db), 2);
      await dropOwnTables(db, second, ['own_b', 'own_a']);
      await dropOwnTables(db, second, ['own_b', 'own_a']);
      const left = await db.query(
        "SELECT relname FROM pg_class WHERE relname LIKE 'own\\_%' OR relname LIKE 'archive\\_mover%'",
      );
      assert.deepEqual(left.rows, []);
    });
  });
}

test('several processes that start at once on a fresh PostgreSQL make one set of tables', async () => {
  await using database = await (await getTestPostgres()).createDatabase();
  const target = parseConnectUrl(database.url, { place: 'test', environment: {} });
  const databases = await Promise.all([1, 2, 3, 4].map(() => openDatabase(target)));
  try {
    const created = await Promise.all(databases.map((db) => ensureAnchoreTables(db)));
    assert.deepEqual(
      created.filter((names) => names.length > 0),
      [NAMES],
    );
    const found = await Promise.all(databases.map((db) => ensureOwnTables(db, ['CREATE TABLE own ()'])));
    assert.equal(found.filter((version) => version === 0).length, 1);
  } finally {
    await Promise.all(databases.map((db) => db[Symbol.asyncDispose]()));
  }
});

test('a role that may not create tables: told which GRANT, and content with complete tables', async () => {
  await using database = await (await getTestPostgres()).createDatabase();
  const role = `reader_${database.name}`;
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'readerspass'`);
  try {
    const url = new URL(database.url);
    url.username = role;
    url.password = 'readerspass';
    const target = parseConnectUrl(url.href, { place: 'test', environment: {} });
    await database.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    await using db = await openDatabase(target);
    const isDenied = (error: unknown): boolean =>
      isAppError(error, 'database.denied') &&
      error.remedy.includes(`GRANT USAGE, CREATE ON SCHEMA "public" TO "${role}";`) &&
      error.message.includes(role);
    await assert.rejects(ensureAnchoreTables(db), isDenied);
    await assert.rejects(ensureOwnTables(db, ['CREATE TABLE own ()']), isDenied);
    await using owner = await openDatabase(parseConnectUrl(database.url, { place: 'test', environment: {} }));
    await ensureAnchoreTables(owner);
    assert.deepEqual(await ensureAnchoreTables(db), []);
  } finally {
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});
