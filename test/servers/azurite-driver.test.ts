import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import type { AzureOptions } from '../../src/drivers/azure/config.ts';
import { openAzureDriver } from '../../src/drivers/azure/driver.ts';
import {
  makeBytes,
  makeKey,
  md5Of,
  payloadOf,
  readBytes,
  refOf,
  streamOf,
  textBytes,
} from '../../src/drivers/conformance/samples.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import { parseConnectUrl } from '../../src/database/connect-url.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { getRunning } from '../../scripts/servers/running.ts';
import { countObjects, findUnreadable, openStore, readFixtureDocuments, writeConfig } from '../guide/fixture.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres } from '../support/postgres.ts';
import { azureOptions } from './azurite-subject.ts';

const LARGE_BYTES = 20 * 1024 * 1024 + 1;

describe('what only Azure does', () => {
  let options: AzureOptions;
  let driver: Driver;
  let container: ContainerClient;

  before(async () => {
    options = await azureOptions();
    driver = openAzureDriver(options);
    await driver.prepare();
    const { account = '', key = '' } = (await getRunning('azurite')).credentials;
    const service = new BlobServiceClient(options.url, new StorageSharedKeyCredential(account, key));
    container = service.getContainerClient(options.container);
  });
  after(async () => driver[Symbol.asyncDispose]());

  const blobOf = (url: string) => container.getBlockBlobClient(url.slice(`azure://${options.container}/`.length));

  test('the service proves what goes in one request, and nothing of what goes in blocks', async () => {
    for (const [bytes, proved] of [
      [makeBytes(1000, 'small'), true],
      [makeBytes(LARGE_BYTES, 'large'), false],
    ] as const) {
      const key = makeKey();
      const { url, md5 } = await driver.put(key, streamOf(bytes), { mode: 'create' });
      assert.equal(md5, proved ? md5Of(bytes) : undefined);
      const ref = refOf(key, url);
      assert.deepEqual(await driver.head(ref), { sizeBytes: bytes.length, md5 });
      assert.equal(md5Of(await readBytes(await driver.get(ref))), md5Of(bytes));
      assert.equal((await blobOf(url).getProperties()).contentMD5 !== undefined, proved);
      assert.deepEqual(await driver.delete([{ ref, md5: md5Of(textBytes('other')) }]), [{ outcome: 'changed' }]);
      assert.deepEqual(await driver.delete([{ ref, md5: md5Of(bytes) }]), [{ outcome: 'deleted' }]);
    }
  });

  test('an MD5 that somebody else has noted is not believed', async () => {
    const key = makeKey();
    const bytes = textBytes('uploaded by another tool');
    const url = driver.locate(key);
    const id = Buffer.from('1').toString('base64');
    await blobOf(url).stageBlock(id, bytes, bytes.length);
    const blobContentMD5 = createHash('md5').update('something else').digest();
    await blobOf(url).commitBlockList([id], { blobHTTPHeaders: { blobContentMD5 } });
    const ref = refOf(key, url);
    assert.deepEqual(await driver.head(ref), { sizeBytes: bytes.length, md5: undefined });
    assert.deepEqual(await driver.delete([{ ref, md5: md5Of(bytes) }]), [{ outcome: 'deleted' }]);
  });

  test('of a large upload that is broken off nothing shows, and the next one stands', async () => {
    const key = makeKey();
    const bytes = makeBytes(LARGE_BYTES, 'broken');
    const broken = streamOf(bytes, { md5: md5Of(textBytes('other')) });
    await assert.rejects(driver.put(key, broken, { mode: 'create' }), { code: 'store.corrupt' });
    const urls = (await Array.fromAsync(driver.list())).map(({ url }) => url);
    assert.equal(urls.includes(driver.locate(key)), false);
    await driver.put(key, streamOf(bytes), { mode: 'create' });
    await assert.rejects(driver.put(key, streamOf(bytes), { mode: 'create' }), { code: 'store.exists' });
  });

  test('a blob with a lease is not deleted', async () => {
    const key = makeKey();
    const { url } = await driver.put(key, payloadOf(textBytes('leased')), { mode: 'create' });
    const lease = blobOf(url).getBlobLeaseClient();
    await lease.acquireLease(60);
    const [outcome] = await driver.delete([{ ref: refOf(key, url), md5: undefined }]);
    assert.equal(outcome?.outcome === 'failed' && outcome.error.code, 'store.object-locked');
    await lease.releaseLease();
  });

  test('a container that is missing is not an object that is absent', async () => {
    const missing = openAzureDriver({ ...options, container: `${options.container}-missing`, createContainer: false });
    const key = makeKey();
    const ref = refOf(key, missing.locate(key));
    const code = 'store.container-missing';
    await assert.rejects(missing.prepare(), { code });
    await assert.rejects(missing.head(ref), { code });
    await assert.rejects(missing.get(ref), { code });
    await assert.rejects(missing.put(key, payloadOf(textBytes('x')), { mode: 'create' }), { code });
    const [outcome] = await missing.delete([{ ref, md5: undefined }]);
    assert.equal(outcome?.outcome === 'failed' && outcome.error.code, code);
    await assert.rejects(Array.fromAsync(missing.list()), { code });
    assert.equal((await missing.inspect())[0]?.error.code, code);
  });

  test('credentials that are wrong name the account and not the key', async () => {
    const key = Buffer.from('a key of another account').toString('base64');
    const { account = '' } = (await getRunning('azurite')).credentials;
    const wrong = openAzureDriver({ ...options, credentials: { kind: 'account-key', account, key } });
    await assert.rejects(wrong.prepare(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'store.credentials');
      assert.match(error.message, new RegExp(`account ${account}`));
      assert.doesNotMatch(error.message, new RegExp(key));
      return true;
    });
  });

  test('a signature for the container is enough; one that may only read is denied to write', async () => {
    const { account = '', key = '' } = (await getRunning('azurite')).credentials;
    const signed = (permissions: string, expiresOn: Date): Driver => {
      const values = {
        containerName: options.container,
        permissions: ContainerSASPermissions.parse(permissions),
        expiresOn,
      };
      const token = generateBlobSASQueryParameters(values, new StorageSharedKeyCredential(account, key)).toString();
      return openAzureDriver({ ...options, createContainer: false, credentials: { kind: 'sas', token } });
    };
    const soon = new Date(Date.now() + 600_000);
    const document = makeKey();
    const bytes = textBytes('signed');
    const writer = signed('racwdl', soon);
    await writer.prepare();
    const { url } = await writer.put(document, payloadOf(bytes), { mode: 'create' });
    const reader = signed('rl', soon);
    const ref = refOf(document, url);
    assert.equal(md5Of(await readBytes(await reader.get(ref))), md5Of(bytes));
    await assert.rejects(reader.put(makeKey(), payloadOf(bytes), { mode: 'create' }), { code: 'store.denied' });
    assert.deepEqual(await writer.delete([{ ref, md5: md5Of(bytes) }]), [{ outcome: 'deleted' }]);
    const late = signed('rl', new Date(Date.now() - 600_000));
    await assert.rejects(late.get(ref), (error: Error & { code?: string }) => {
      assert.match(error.code ?? '', /^store\.(credentials|denied|clock-skew)$/);
      assert.doesNotMatch(error.message, /sig=/);
      return true;
    });
  });

  test('nobody at the address is an address that cannot be reached', async () => {
    const gone = openAzureDriver({ ...options, url: 'http://127.0.0.1:9/account' });
    await assert.rejects(gone.prepare(), { code: 'store.unreachable' });
  });

  test('soft delete is told', async () => {
    const { account = '', key = '' } = (await getRunning('azurite')).credentials;
    const service = new BlobServiceClient(options.url, new StorageSharedKeyCredential(account, key));
    const { deleteRetentionPolicy: before = { enabled: false } } = await service.getProperties();
    await service.setProperties({ deleteRetentionPolicy: { enabled: true, days: 7 } });
    try {
      const conditions = await driver.inspect();
      assert.deepEqual(
        conditions.map(({ error }) => error.code),
        ['store.versioned'],
      );
      assert.match(conditions[0]?.error.message ?? '', /7 days/);
    } finally {
      await service.setProperties({ deleteRetentionPolicy: before });
    }
  });

  test('the real archive goes there and back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'azure-'));
    const postgres = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
    try {
      const { url, account = '', key = '' } = (await getRunning('azurite')).credentials;
      const config = {
        url,
        account,
        account_key: key,
        container: `${options.container}-archive`,
        create_container: true,
      };
      const azure = await writeConfig(folder, 'azure', { name: 'azure', config, compressed: true }, postgres.url);
      const table = await writeConfig(folder, 'db', { name: 'db', config: {}, compressed: false }, postgres.url);
      for (const [from, to] of [
        [table, azure],
        [azure, table],
      ] as const) {
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
        assert.equal((moved.stderr + moved.stdout).includes(key), false);
        await using db = await openDatabase(parseConnectUrl(postgres.url, { place: 'test', environment: {} }), {
          applicationName: 'psql',
        });
        await using destination = await openStore(db, to);
        assert.deepEqual(await findUnreadable(db, destination, await readFixtureDocuments()), []);
        await using source = await openStore(db, from);
        assert.equal(await countObjects(source), 0);
      }
    } finally {
      await postgres.drop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
