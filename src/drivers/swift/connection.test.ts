import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startScriptedServer, TLS_CERTIFICATE_FILE } from '../../../test/support/scripted-http.ts';
import { openScriptedSwift, section } from '../../../test/support/scripted-swift.ts';
import { swiftSection } from './config.ts';
import { openSwiftDriver } from './driver.ts';

describe('the connection to a cluster', () => {
  const overTls = (changes: object) =>
    openScriptedSwift(
      () => undefined,
      (origin) => ({ ...section(origin), ...changes }),
      true,
    );

  test('a certificate that nobody vouches for is refused', async () => {
    await using scripted = await overTls({});
    await assert.rejects(scripted.driver.identify(), { code: 'store.tls', retryable: false });
  });

  for (const [name, changes] of Object.entries({
    'os_cacert vouches for it': { os_cacert: TLS_CERTIFICATE_FILE },
    'insecure asks for no one': { insecure: true },
  })) {
    test(name, async () => {
      await using scripted = await overTls(changes);
      assert.match((await scripted.driver.identify()).namespace, /https:/);
    });
  }

  for (const option of ['os_cacert', 'os_cert', 'os_key']) {
    test(`a file that is missing is named with its option, ${option}`, async () => {
      const options = { ...section('http://127.0.0.1:1'), [option]: '/does/not/exist.pem' };
      await assert.rejects(openSwiftDriver(swiftSection.schema.parse(options), { environment: {} }), {
        code: 'config.unreadable',
        message: new RegExp(`${option} /does/not/exist.pem`),
      });
    });
  }

  test('goes through the proxy of the environment', async () => {
    const storageUrl = 'http://swift.example/v1/AUTH_a';
    await using proxy = await startScriptedServer(() => ({
      status: 200,
      headers: { 'x-storage-url': storageUrl, 'x-auth-token': 'token-by-proxy' },
    }));
    const options = swiftSection.schema.parse(section('http://swift.example'));
    await using driver = await openSwiftDriver(options, { environment: { HTTP_PROXY: proxy.url } });
    assert.match((await driver.identify()).namespace, /swift\.example/);
    assert.match(proxy.requests[0]?.target ?? '', /swift\.example/);
  });

  test('segments do not go where the documents are', async () => {
    const options = swiftSection.schema.parse({ ...section('http://127.0.0.1:1'), segment_container: 'c' });
    await assert.rejects(openSwiftDriver(options, { environment: {} }), { code: 'config.invalid' });
  });
});
