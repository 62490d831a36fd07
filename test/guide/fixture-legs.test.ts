import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { DATABASE_KINDS } from '../support/each-database.ts';
import { type S3Server, startFauxqs } from '../support/fauxqs.ts';
import { runManager } from '../support/manager.ts';
import { FIXTURE_SQL, getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import {
  countObjects,
  findUnreadable,
  type FixtureDocument,
  openStore,
  readFixtureDocuments,
  writeConfig,
} from './fixture.ts';

/** The archive of a real Anchore Engine 1.1.0 goes around all drivers, by the commands that an operator types. */
for (const kind of DATABASE_KINDS) {
  for (const compressed of [false, true]) {
    describe(`the real archive on ${kind}, compression ${compressed ? 'on' : 'off'}`, () => {
      let folder: string;
      let s3: S3Server;
      let postgres: TestDatabase | undefined;
      let url: string;
      let documents: readonly FixtureDocument[];
      const configs = new Map<string, string>();

      const withDatabase = async <T>(work: (db: Database) => Promise<T>): Promise<T> => {
        await using db = await openDatabase(parseConnectUrl(url, { place: 'test', environment: {} }), {
          applicationName: 'psql',
        });
        return await work(db);
      };

      before(async () => {
        folder = await mkdtemp(join(tmpdir(), 'guide-'));
        s3 = await startFauxqs();
        documents = await readFixtureDocuments();
        assert.equal(documents.length, 500);
        if (kind === 'postgres') {
          postgres = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
          url = postgres.url;
        } else {
          url = `embedded:${join(folder, 'database')}`;
          await loadFixture(join(folder, 'database'));
        }
        const sections = {
          db: {},
          db2: {},
          localfs: { archive_data_dir: join(folder, 'documents') },
          s3: {
            url: s3.url,
            region: false,
            bucket: 'anchore-archive',
            prefix: 'internaltest/',
            access_key: 'AKIAEXAMPLE',
            secret_key: 'a-secret-that-must-not-show',
            create_bucket: true,
          },
        };
        for (const [name, config] of Object.entries(sections)) {
          configs.set(name, await writeConfig(folder, name, { name, config, compressed }, url));
        }
      });
      after(async () => {
        await s3[Symbol.asyncDispose]();
        await postgres?.drop();
        await rm(folder, { recursive: true, force: true });
      });

      const fileOf = (name: string): string => configs.get(name) ?? '';
      const manager = (...args: readonly string[]) => runManager(['archivestorage', '--db-connect', url, ...args]);

      const leg = async (from: string, to: string, keep: boolean): Promise<void> => {
        const checked = await manager('check', fileOf(to));
        assert.equal(checked.code, 0, checked.stderr);
        const moved = await manager('migrate', fileOf(from), fileOf(to), '--dontask', ...(keep ? ['--nodelete'] : []));
        assert.equal(moved.code, 0, moved.stderr);
        assert.doesNotMatch(moved.stderr + moved.stdout, /a-secret-that-must-not-show/);
        assert.match(moved.stderr, /Migrating 500 documents/);
        assert.match(
          moved.stderr,
          /Migration result summary: \{"last_state": "running".*"archive_documents_migrated": 500.*"state": "complete"/,
        );
        await withDatabase(async (db) => {
          await using destination = await openStore(db, fileOf(to));
          assert.deepEqual(await findUnreadable(db, destination, documents), []);
          assert.equal(await countObjects(destination), 500);
          await using source = await openStore(db, fileOf(from));
          assert.equal(await countObjects(source), keep ? 500 : 0);
        });
      };

      test('db -> s3 -> localfs -> db2 -> db, source empty after each, 500 SHA-256 right after each', async () => {
        const route = ['db', 's3', 'localfs', 'db2', 'db'];
        for (const [index, from] of route.slice(0, -1).entries()) await leg(from, route[index + 1] ?? '', false);
        const listed = await manager('list-migrations');
        assert.equal(listed.code, 0, listed.stderr);
        const lines = listed.stdout.trimEnd().split('\n');
        assert.match(
          lines[0] ?? '',
          /^id +state +start time +end time +from +to +migrated count +total to migrate +last updated/,
        );
        assert.deepEqual(
          lines.slice(1).map((line) =>
            line
              .trim()
              .split(/ +/)
              .filter((_, column) => [0, 1, 4, 5, 6, 7].includes(column)),
          ),
          route
            .slice(0, -1)
            .map((from, index) => [String(index + 1), 'complete', from, route[index + 1], '500', '500']),
        );
      });

      test('db -> localfs with --nodelete: the source stays full', async () => {
        await leg('db', 'localfs', true);
      });
    });
  }
}

/** The dump is plain SQL: PGlite takes it as it is. */
const loadFixture = async (database: string): Promise<void> => {
  const { PGlite } = await import('@electric-sql/pglite');
  const pglite = await PGlite.create(database);
  await pglite.exec((await promisify(gunzip)(await readFile(FIXTURE_SQL))).toString('utf8'));
  await pglite.close();
};
