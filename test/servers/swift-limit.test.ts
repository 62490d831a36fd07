import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { ServerState } from '../../scripts/servers/server.ts';
import { server, startSwift, temporaryServerFolder } from '../../scripts/servers/swift.ts';
import {
  makeBytes,
  makeKey,
  md5Of,
  payloadOf,
  readBytes,
  refOf,
  streamOf,
} from '../../src/drivers/conformance/samples.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import { swiftSection } from '../../src/drivers/swift/config.ts';
import { openSwiftDriver } from '../../src/drivers/swift/driver.ts';

const LIMIT_BYTES = 1_000_000;

describe('a cluster that takes only small objects', () => {
  const folder = temporaryServerFolder('swift-limit');
  let state: ServerState;
  let driver: Driver;

  before(async () => {
    state = await startSwift(folder, { maxFileSizeBytes: LIMIT_BYTES });
    const { authUrl = '', user = '', key = '' } = state.credentials;
    const section = { container: 'Small', create_container: true, auth: authUrl, user, key };
    driver = await openSwiftDriver(swiftSection.schema.parse(section), { environment: {} });
    await driver.prepare();
  });

  after(async () => {
    await driver?.[Symbol.asyncDispose]();
    if (state !== undefined) await server.stop(state);
    await rm(folder, { recursive: true, force: true });
  });

  for (const sizeBytes of [LIMIT_BYTES - 1, LIMIT_BYTES, LIMIT_BYTES + 1, 3 * LIMIT_BYTES]) {
    test(`keeps ${sizeBytes} bytes as one document all the same`, async () => {
      const [key, bytes] = [makeKey(), makeBytes(sizeBytes, 'limit')];
      const { url, md5 } = await driver.put(key, streamOf(bytes), { mode: 'create' });
      assert.equal(md5, md5Of(bytes));
      const ref = refOf(key, url);
      assert.equal(md5Of(await readBytes(await driver.get(ref))), md5);
      const info = await driver.head(ref);
      assert.deepEqual(info, { sizeBytes, md5: sizeBytes > LIMIT_BYTES ? undefined : md5 });
      await assert.rejects(driver.put(key, payloadOf(bytes), { mode: 'create' }), { code: 'store.exists' });
      assert.deepEqual(await driver.delete([{ ref, md5: md5Of(bytes) }]), [{ outcome: 'deleted' }]);
      assert.equal(await driver.head(ref), undefined);
    });
  }

  test('says how large a document may be', () => {
    assert.equal(driver.capabilities.maxPayloadBytes, 1000 * LIMIT_BYTES);
  });
});
