import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DATABASE_KINDS, openTestDatabase, type OpenTestDatabase } from '../../test/support/each-database.ts';
import { getTestPostgres, startPrivatePostgres, type TestDatabase } from '../../test/support/postgres.ts';
import type { ErrorCode } from '../core/error-catalogue.ts';
import { isAppError } from '../core/errors.ts';
import { parseConnectUrl } from './connect-url.ts';
import type { Database } from './database.ts';
import { openDatabase, type OpenOptions } from './open-database.ts';

const isCode =
  (code: ErrorCode, pattern = /./) =>
  (error: unknown) => {
    assert.ok(isAppError(error, code), `expected ${code}, got ${String(error)}`);
    assert.match(error.message, pattern);
    return true;
  };

const open = (url: string, options: OpenOptions = {}, parsing: object = {}): Promise<Database> =>
  openDatabase(parseConnectUrl(url, { place: 'test', environment: {}, ...parsing }), options);

for (const kind of DATABASE_KINDS) {
  describe(`a database: ${kind}`, () => {
    let opened: OpenTestDatabase;
    let db: Database;
    before(async () => {
      opened = await openTestDatabase(kind);
      db = opened.db;
      await db.query(
        'CREATE TABLE thing (id integer PRIMARY KEY, bytes bytea, big bigint, at timestamp, zoned timestamptz)',
      );
    });
    after(() => opened[Symbol.asyncDispose]());

    test('values come and go', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      const at = new Date('2018-08-15T18:03:52.951Z');
      await db.query('INSERT INTO thing VALUES (1, $1, $2, $3, $4)', [bytes, 2 ** 53 - 1, at, at]);
      const { rows, count } = await db.query<{ bytes: Buffer }>('SELECT * FROM thing WHERE id = 1');
      assert.equal(count, 1);
      assert.deepEqual(rows, [
        {
          id: 1,
          bytes: Buffer.from(bytes),
          big: 2 ** 53 - 1,
          at: '2018-08-15T18:03:52.951Z',
          zoned: '2018-08-15T18:03:52.951Z',
        },
      ]);
      await assert.rejects(
        db.query('SELECT 9007199254740993::bigint AS big'),
        isCode('database.failed', /9007199254740993/),
      );
      const micros = await db.query<{ t: string }>("SELECT timestamp '2018-08-15 18:03:52.951364' AS t");
      assert.equal(micros.rows[0]?.t, '2018-08-15T18:03:52.951364Z');
    });

    test('a transaction is all or nothing', async () => {
      await db.transaction(async (tx) => {
        await tx.query('INSERT INTO thing (id) VALUES (10)');
      });
      await assert.rejects(
        db.transaction(async (tx) => {
          await tx.query('INSERT INTO thing (id) VALUES (11)');
          throw new Error('on purpose');
        }),
        /on purpose/,
      );
      const { rows } = await db.query('SELECT id FROM thing WHERE id IN (10, 11)');
      assert.deepEqual(rows, [{ id: 10 }]);
    });

    test('a transaction whose statement failed unnoticed does not count as committed', async () => {
      await assert.rejects(
        db.transaction(async (tx) => {
          await tx.query('INSERT INTO thing (id) VALUES (20)');
          await tx.query('SELECT * FROM no_such_table').catch(() => undefined);
        }),
        isCode('database.failed', /rolled back/),
      );
      assert.equal((await db.query('SELECT id FROM thing WHERE id = 20')).count, 0);
    });

    test('a statement after the end of its transaction is refused', async () => {
      const tx = await db.transaction(async (inner) => inner);
      assert.throws(() => void tx.query('SELECT 1'), isCode('internal'));
    });

    test('errors of the server become codes, and the connection lives on', async () => {
      await assert.rejects(db.query('SELECT * FROM no_such_table'), isCode('database.schema', /42P01/));
      await assert.rejects(db.query('SELECT no_such_column FROM thing'), isCode('database.schema', /42703/));
      await assert.rejects(db.query('SELECT 1/0'), isCode('database.failed', /22012/));
      await assert.rejects(
        db.transaction(async (tx) => {
          await tx.query('SET TRANSACTION READ ONLY');
          await tx.query('INSERT INTO thing (id) VALUES (30)');
        }),
        isCode('database.denied', /25006/),
      );
      assert.equal((await db.query('SELECT 1')).count, 1);
    });

    test('many statements at once', async () => {
      const sums = await Promise.all(
        Array.from({ length: 50 }, (_, index) => db.query<{ n: number }>('SELECT $1::int + 1 AS n', [index])),
      );
      assert.deepEqual(
        sums.map(({ rows }) => rows[0]?.n),
        Array.from({ length: 50 }, (_, index) => index + 1),
      );
    });

    test('a session has transactions, and can be disposed of twice', async () => {
      const session = await db.openSession();
      await session.transaction((tx) => tx.query('INSERT INTO thing (id) VALUES (40)'));
      assert.equal((await session.query('SELECT id FROM thing WHERE id = 40')).count, 1);
      await assert.rejects(
        session.transaction(async () => session.query('SELECT 1')),
        isCode('internal', /not given to that transaction/),
      );
      assert.equal(session.lost.aborted, false);
      await session[Symbol.asyncDispose]();
      await session[Symbol.asyncDispose]();
    });

    test('sync', () => db.sync());
  });
}

describe('a PostgreSQL server', () => {
  let database: TestDatabase;
  before(async () => {
    database = await (await getTestPostgres()).createDatabase();
  });
  after(() => database.drop());

  test('a session that the server ends is lost, mid-statement and idle', async () => {
    await using db = await open(database.url);
    await using session = await db.openSession();
    const pidOf = async (): Promise<number> =>
      (await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? 0;
    const waiting = assert.rejects(session.query('SELECT pg_sleep(60)'), isCode('database.lost', /57P01/));
    await using other = await db.openSession();
    const pid = await other.query<{ pid: number }>(
      'SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    for (const row of pid.rows) await db.query('SELECT pg_terminate_backend($1)', [row.pid]).catch(() => undefined);
    await waiting;
    assert.ok(session.lost.aborted);
    assert.ok(isAppError(session.lost.reason, 'database.lost'));
    await assert.rejects(pidOf(), isCode('database.lost'));
    // Idle connections of the pool that were ended as well are replaced.
    assert.equal((await db.query('SELECT 1')).count, 1);
  });

  test('an idle session learns that it is lost', async () => {
    await using db = await open(database.url);
    await using session = await db.openSession();
    const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const lost = new Promise((resolve) => session.lost.addEventListener('abort', resolve));
    await db.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await lost;
  });

  test('a transaction that is cut says so, and whether its COMMIT had been sent', async () => {
    await using db = await open(database.url);
    await db.query('CREATE TABLE cut (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED)');
    await db.query(
      'CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$',
    );
    await db.query(
      'CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON cut DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()',
    );
    const terminate = async (pid: number | undefined, state: string): Promise<void> => {
      for (;;) {
        const found = await db.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND query = $2 AND state = 'active'",
          [pid, state],
        );
        if (found.count > 0) return;
        await sleep(20);
      }
    };
    await assert.rejects(
      db.transaction(async (tx) => {
        const { rows } = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        await tx.query('INSERT INTO cut VALUES (1)');
        void terminate(rows[0]?.pid, 'COMMIT');
      }),
      (error) =>
        isCode('database.lost', /whether it took effect is unknown/)(error) &&
        isAppError(error) &&
        error.outcomeUnknown &&
        !error.retryable,
    );
    assert.equal((await db.query('SELECT * FROM cut')).count, 0);
  });

  test('--db-timeout limits statements of the pool, not of sessions', async () => {
    await using db = await open(database.url, {}, { statementTimeoutSeconds: 1 });
    await assert.rejects(db.query('SELECT pg_sleep(30)'), isCode('database.timeout', /57014/));
    await using session = await db.openSession();
    assert.deepEqual((await session.query('SHOW statement_timeout')).rows, [{ statement_timeout: '0' }]);
  });

  test('a transaction that somebody left open does not swallow the work of others', async () => {
    await using db = await open(database.url, { poolSize: 1 });
    await db.query('BEGIN');
    await db.query('CREATE TABLE not_lost ()');
    assert.equal((await database.query('SELECT * FROM not_lost')).length, 0);
  });

  test('a lock timeout is one', async () => {
    await using db = await open(database.url);
    await db.query('CREATE TABLE locked ()');
    await using session = await db.openSession();
    await session.query("SET lock_timeout = '50ms'");
    await db.transaction(async (tx) => {
      await tx.query('LOCK TABLE locked');
      await assert.rejects(session.query('SELECT * FROM locked'), isCode('database.timeout', /55P03/));
    });
  });

  test('another schema, by name, and by the place of the tables', async () => {
    await database.query('CREATE SCHEMA "Odd ""name"');
    await using named = await open(`${database.url}?schema=Odd%20%22name`);
    assert.equal(named.schema, 'Odd "name');
    await named.query('CREATE TABLE archive_metadata (x integer)');
    await using session = await named.openSession();
    assert.equal((await session.query('SELECT * FROM archive_metadata')).count, 0);
    await using plain = await open(database.url);
    assert.equal(plain.schema, 'public');
    await assert.rejects(plain.query('SELECT * FROM archive_metadata'), isCode('database.schema'));
    await database.query(`ALTER DATABASE ${database.name} SET search_path = public, "Odd ""name"`);
    await using found = await open(database.url);
    assert.equal(found.schema, 'Odd "name');
    await assert.rejects(open(`${database.url}?schema=nowhere`), isCode('database.schema', /"nowhere"/));
  });

  test('what it refuses', async () => {
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    await assert.rejects(open(url.href), isCode('database.schema', /3D000/));
    const wrong = new URL(database.url);
    wrong.password = 'not-the-password';
    await assert.rejects(open(wrong.href), isCode('database.denied', /28P01/));
    const none = new URL(database.url);
    none.password = '';
    await assert.rejects(open(none.href), isCode('database.denied', /none was given/));
    await assert.rejects(open(`${database.url}?sslmode=require`), isCode('database.unreachable', /SSL/));
  });

  test('application_name is shown to others', async () => {
    await using db = await open(database.url, { applicationName: 'mover' });
    assert.deepEqual((await db.query('SHOW application_name')).rows, [{ application_name: 'mover' }]);
    await using named = await open(`${database.url}?application_name=mine`);
    assert.deepEqual((await named.query('SHOW application_name')).rows, [{ application_name: 'mine' }]);
  });
});

describe('a server that is not there', () => {
  test('is tried as often as was asked for', async () => {
    let connections = 0;
    const server = createServer((socket: Socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const url = `postgresql://u:p@127.0.0.1:${port}/d?sslmode=disable`;
    await assert.rejects(open(url, { retryDelayMs: 1 }, { connectAttempts: 3 }), isCode('database.unreachable'));
    assert.equal(connections, 3);
    const signal = AbortSignal.timeout(50);
    await assert.rejects(
      open(url, { retryDelayMs: 60_000, signal }, { connectAttempts: 3 }),
      (error) => error === signal.reason,
    );
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(open(url), isCode('database.unreachable', /ECONNREFUSED/));
    await assert.rejects(open('postgresql://u:p@/d?host=/no/such/folder'), isCode('database.unreachable', /ENOENT/));
  });

  test('that accepts and says nothing: the connect timeout ends it', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => void sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const url = `postgresql://u:p@127.0.0.1:${port}/d?sslmode=disable`;
    await assert.rejects(open(url, {}, { connectTimeoutSeconds: 0.2 }), isCode('database.unreachable', /timeout/));
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test('a restart in between is survived, by the socket too', async () => {
    await using server = await startPrivatePostgres();
    const url = `postgresql://${server.user}:${server.password}@/postgres?host=${server.socketFolder}&port=${server.port}`;
    await using db = await open(url, { retryDelayMs: 100 }, { connectAttempts: 600 });
    await db.query('CREATE TABLE kept ()');
    await server.kill();
    const later = sleep(200).then(() => server.start());
    await sleep(50);
    assert.equal((await db.query('SELECT * FROM kept')).count, 0);
    await later;
  });
});
