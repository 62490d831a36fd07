import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findStarted, getRunning } from '../../scripts/servers/running.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { countObjects, findUnreadable, openStore, readFixtureDocuments, writeConfig } from '../guide/fixture.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';

const NAMES = ['db', 'db2', 'localfs', 's3', 'swift'] as const;

type Route = readonly (typeof NAMES)[number][];

/** Four ways around all five drivers, which together go from each one to each other one exactly once. */
export const ROUTES: { readonly plain: readonly Route[]; readonly compressed: readonly Route[] } = {
  plain: [
    ['db', 'db2', 'localfs', 's3', 'swift', 'db'],
    ['db', 'swift', 's3', 'localfs', 'db2', 'db'],
  ],
  compressed: [
    ['db', 'localfs', 'swift', 'db2', 's3', 'db'],
    ['db', 's3', 'db2', 'swift', 'localfs', 'db'],
  ],
};

export const legsOf = (route: Route): (readonly [from: string, to: string])[] =>
  route.slice(1).map((to, index) => [route[index] ?? '', to]);

/** Each driver before each other one. */
export const PAIRS = NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => `${from} -> ${to}`));

/** Without compression Swift's own `s3api`; with it, another S3 server where one runs. */
const findS3 = async (compressed: boolean): Promise<Readonly<Record<string, string>>> => {
  if (!compressed) return (await getRunning('swift')).credentials;
  const running = (await findStarted()).filter(({ whole }) => whole).map(({ state }) => state.name);
  return (await getRunning(['versitygw', 'minio'].find((name) => running.includes(name)) ?? 'swift')).credentials;
};

/**
 * Registers the tests that take the archive of a real Anchore Engine along the routes, from PostgreSQL's `db` and back, by
 * the command that an operator types. `compressed`: with compression on, everywhere but in `db`.
 */
export const pairCases = (compressed: boolean): void => {
  describe(`the real archive along all drivers, compression ${compressed ? 'on' : 'off'}`, () => {
    let folder: string;
    /** Of the route under way: each begins with the archive as Anchore Engine left it. */
    let postgres: TestDatabase;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pairs-'));
    });
    after(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    const writeConfigs = async (): Promise<ReadonlyMap<string, string>> => {
      const [s3, swift] = [await findS3(compressed), (await getRunning('swift')).credentials];
      const place = randomBytes(6).toString('hex');
      const sections = {
        db: {},
        db2: {},
        localfs: { archive_data_dir: join(folder, place) },
        s3: {
          url: s3['s3Url'],
          bucket: `pairs-${place}`,
          prefix: 'archive/',
          access_key: s3['s3AccessKey'],
          secret_key: s3['s3SecretKey'],
          create_bucket: true,
        },
        swift: {
          auth: swift['authUrl'],
          user: swift['user'],
          key: swift['key'],
          container: `Pairs-${place}`,
          anchore_key_prefix: 'archive/',
          create_container: true,
        },
      } satisfies Record<(typeof NAMES)[number], object>;
      const files = Object.entries(sections).map(
        async ([name, config]) =>
          [name, await writeConfig(folder, `${place}-${name}`, { name, config, compressed }, postgres.url)] as const,
      );
      return new Map(await Promise.all(files));
    };

    /** Moves all documents as an operator does; then each reads back with its SHA-256, and the source holds nothing. */
    const move = async (from: string, to: string): Promise<void> => {
      const moved = await runManager([
        'archivestorage',
        '--db-connect',
        postgres.url,
        'migrate',
        from,
        to,
        '--dontask',
      ]);
      assert.equal(moved.code, 0, moved.stderr);
      assert.match(moved.stderr, /"archive_documents_migrated": 500.*"state": "complete"/);
      await using db = await openDatabase(parseConnectUrl(postgres.url, { place: 'test', environment: {} }), {
        applicationName: 'psql',
      });
      await using destination = await openStore(db, to);
      const documents = await readFixtureDocuments();
      assert.equal(documents.length, 500);
      assert.deepEqual(await findUnreadable(db, destination, documents), []);
      await using source = await openStore(db, from);
      assert.equal(await countObjects(source), 0);
    };

    for (const route of compressed ? ROUTES.compressed : ROUTES.plain) {
      describe(route.join(' -> '), () => {
        let files: ReadonlyMap<string, string>;
        let reached = 'db';
        before(async () => {
          postgres = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
          files = await writeConfigs();
        });
        after(async () => postgres?.drop());
        for (const [from, to] of legsOf(route)) {
          test(`${from} -> ${to}`, async () => {
            assert.equal(reached, from, 'an earlier leg failed');
            reached = 'nowhere';
            await move(files.get(from) ?? '', files.get(to) ?? '');
            reached = to;
          });
        }
      });
    }
  });
};
