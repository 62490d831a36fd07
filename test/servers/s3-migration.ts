import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { getRunning } from '../../scripts/servers/running.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { countObjects, findUnreadable, openStore, readFixtureDocuments, writeConfig } from '../guide/fixture.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const DOCUMENTS = 500;
const COPY_HEADER = 'x-amz-copy-source:';

/** The archive of a real Anchore Engine goes into an S3 server, from one bucket of it to another, and back. */
export const s3MigrationCases = (server: string): void => {
  describe(`the real archive on ${server}`, () => {
    let folder: string;
    let postgres: TestDatabase;
    let proxy: TcpProxy;
    let copies = 0;
    const files = new Map<string, string>();

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 's3-migration-'));
      postgres = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
      const { credentials } = await getRunning(server);
      const url = new URL(credentials['s3Url'] ?? '');
      proxy = await startTcpProxy(Number(url.port));
      proxy.alter = (direction, piece) => {
        if (direction === 'request') copies += piece.toString('latin1').split(COPY_HEADER).length - 1;
        return piece;
      };
      url.port = String(proxy.port);
      const place = randomBytes(6).toString('hex');
      const access = { access_key: credentials['s3AccessKey'], secret_key: credentials['s3SecretKey'] };
      const common = { url: url.href, create_bucket: true, ...access };
      for (const [name, driver, config] of [
        ['db', 'db', {}],
        ['one', 's3', { ...common, bucket: `one-${place}`, prefix: 'archive/' }],
        ['two', 's3', { ...common, bucket: `two-${place}`, prefix: '' }],
      ] as const) {
        files.set(name, await writeConfig(folder, name, { name: driver, config, compressed: false }, postgres.url));
      }
    });
    after(async () => {
      await proxy[Symbol.asyncDispose]();
      await postgres.drop();
      await rm(folder, { recursive: true, force: true });
    });

    /** Moves all documents as an operator does; then each reads back with its SHA-256, and the source holds nothing. */
    const move = async (from: string, to: string): Promise<void> => {
      const [source = '', destination = ''] = [files.get(from), files.get(to)];
      const common = ['archivestorage', '--db-connect', postgres.url];
      const moved = await runManager([...common, 'migrate', source, destination, '--dontask']);
      assert.equal(moved.code, 0, moved.stderr);
      assert.match(moved.stderr, /"archive_documents_migrated": 500.*"state": "complete"/);
      await using db = await openDatabase(parseConnectUrl(postgres.url, { place: 'test', environment: {} }), {
        applicationName: 'psql',
      });
      await using there = await openStore(db, destination);
      assert.deepEqual(await findUnreadable(db, there, await readFixtureDocuments()), []);
      await using here = await openStore(db, source);
      assert.equal(await countObjects(here), 0);
    };

    test('db -> s3 -> another bucket, copied by the store itself -> db', async () => {
      await move('db', 'one');
      copies = 0;
      await move('one', 'two');
      // Some more than there are documents: whether the store compares is asked first. A header may be cut by a packet.
      assert.ok(copies > DOCUMENTS * 0.9, `the store was asked for ${copies} copies`);
      copies = 0;
      await move('two', 'db');
      assert.equal(copies, 0);
    });
  });
};
