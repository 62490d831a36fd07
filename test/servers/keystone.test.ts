import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { getRunning } from '../../scripts/servers/running.ts';
import { AppError } from '../../src/core/errors.ts';
import { REDACTED, redact } from '../../src/core/secrets.ts';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf } from '../../src/drivers/conformance/samples.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import { swiftSection } from '../../src/drivers/swift/config.ts';
import { openSwiftDriver } from '../../src/drivers/swift/driver.ts';

/** Through the configuration's own names, as python-swiftclient has them, to a real Keystone. */
const openWith = async (section: Readonly<Record<string, string | boolean>>): Promise<Driver> => {
  const common = { container: 'Archive-By-Keystone', create_container: true, anchore_key_prefix: 'k/' };
  return openSwiftDriver(swiftSection.schema.parse({ ...common, ...section }), { environment: {} });
};

const state = (await getRunning('keystone')).credentials;
const say = (name: string): string => state[name] ?? '';

const byName = {
  auth_version: '3',
  os_auth_url: say('authUrl'),
  os_username: say('user'),
  os_user_domain_name: say('domain'),
  os_password: say('password'),
  os_project_name: say('project'),
  os_project_domain_name: say('domain'),
  os_region_name: say('region'),
};

const byId = {
  auth_version: '3',
  auth: say('authUrl').replace(/\/v3$/, '/'),
  os_user_id: say('userId'),
  key: say('password'),
  os_project_id: say('projectId'),
  os_region_name: say('region'),
};

const byCredentialId = {
  os_auth_type: 'v3applicationcredential',
  os_auth_url: say('authUrl'),
  os_application_credential_id: say('credentialId'),
  os_application_credential_secret: say('credentialSecret'),
  os_region_name: say('region'),
};

const byCredentialName = {
  os_auth_type: 'v3applicationcredential',
  os_auth_url: say('authUrl'),
  os_application_credential_name: say('credentialName'),
  os_application_credential_secret: say('credentialSecret'),
  os_username: say('user'),
  os_user_domain_id: say('domainId'),
  os_region_name: say('region'),
};

describe('Swift by the tokens of a real Keystone', () => {
  for (const [name, section] of Object.entries({
    'a password, by names': byName,
    'a password, by ids, the version left out of the URL': byId,
    'an application credential by its id': byCredentialId,
    'an application credential by its name': byCredentialName,
    'the internal interface': { ...byName, os_endpoint_type: 'internalURL' },
  })) {
    test(`${name}: a document is written, read and deleted`, async () => {
      await using driver = await openWith(section);
      await driver.prepare();
      const [key, bytes] = [makeKey(), makeBytes(10_000, name)];
      const { url } = await driver.put(key, payloadOf(bytes), { mode: 'create' });
      const ref = refOf(key, url);
      assert.equal(md5Of(await readBytes(await driver.get(ref))), md5Of(bytes));
      assert.deepEqual(await driver.delete([{ ref, md5: md5Of(bytes) }]), [{ outcome: 'deleted' }]);
    });
  }

  test('each interface is another address of the account', async () => {
    await using open = await openWith(byName);
    await using internal = await openWith({ ...byName, os_endpoint_type: 'internal' });
    assert.match((await open.identify()).namespace, /127\.0\.0\.1/);
    assert.match((await internal.identify()).namespace, /localhost/);
  });

  test('without a region the first endpoint counts, which leads nowhere here', async () => {
    const { os_region_name: _, ...anywhere } = byName;
    await using driver = await openWith(anywhere);
    await assert.rejects(driver.prepare(), { code: 'store.unreachable' });
  });

  test('os_storage_url takes the place of the catalogue', async () => {
    await using found = await openWith(byName);
    const storageUrl = /http[^"]+/.exec((await found.identify()).namespace)?.[0] ?? '';
    await using driver = await openWith({ ...byName, os_region_name: 'Nowhere', os_storage_url: storageUrl });
    await driver.prepare();
    assert.deepEqual(await driver.identify(), await found.identify());
  });

  test('a region that the catalogue lacks is named, with those it has', async () => {
    await using driver = await openWith({ ...byName, os_region_name: 'RegionNine' });
    await assert.rejects(driver.prepare(), (error) => {
      assert.ok(error instanceof AppError && error.code === 'config.invalid');
      assert.match(error.message, /RegionNine.*public in RegionOne/);
      return true;
    });
  });

  test('a wrong password names the user', async () => {
    await using driver = await openWith({ ...byName, os_password: 'quite-the-wrong-one' });
    await assert.rejects(driver.prepare(), { code: 'store.credentials', message: /user mover/ });
    assert.equal(redact('quite-the-wrong-one'), REDACTED);
  });

  test('without a project there is no catalogue', async () => {
    const { os_project_name: _, os_project_domain_name: __, ...unscoped } = byName;
    await using driver = await openWith(unscoped);
    await assert.rejects(driver.prepare(), { code: 'config.invalid' });
  });

  test('version 2, which this Keystone no longer has, is answered by a sentence', async () => {
    await using driver = await openWith({
      auth_version: '2',
      auth: say('authUrl').replace(/v3$/, 'v2.0'),
      user: say('user'),
      key: say('password'),
      tenant_name: say('project'),
    });
    await assert.rejects(driver.prepare(), { code: 'store.failed', message: /there is no such service/ });
  });
});
