import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isObject, openScriptedSwift, type SwiftScript, TRANSACTION } from '../../../test/support/scripted-swift.ts';
import { AppError } from '../../core/errors.ts';
import { REDACTED, redact } from '../../core/secrets.ts';
import { makeBytes, makeKey, md5Of, payloadOf, refOf, streamOf } from '../conformance/samples.ts';

const bytes = makeBytes(100, 'scripted');

describe('a token that is no longer accepted', () => {
  const forgetting = (times: number): SwiftScript => {
    let refused = 0;
    return (request) => {
      if (!isObject(request)) return undefined;
      if (refused < times) {
        refused += 1;
        return { status: 401, headers: TRANSACTION };
      }
      return { status: 201, headers: { ...TRANSACTION, etag: md5Of(request.body) } };
    };
  };

  for (const payload of [payloadOf(bytes), streamOf(bytes)]) {
    test(`is renewed once, and ${payload.bytes === undefined ? 'a stream' : 'bytes'} sent again from their beginning`, async () => {
      await using scripted = await openScriptedSwift((request, origin) =>
        request.method === 'PUT' ? forget(request, origin) : undefined,
      );
      const forget = forgetting(1);
      await scripted.driver.put(makeKey(), payload, { mode: 'replace' });
      assert.deepEqual(
        scripted.requests.filter((each) => each.method === 'PUT').map((each) => md5Of(each.body)),
        [md5Of(bytes), md5Of(bytes)],
      );
      assert.equal(scripted.requests.filter(({ target }) => target === '/auth/v1.0').length, 2);
    });
  }

  test('is not renewed a second time, and neither key nor token is told', async () => {
    await using scripted = await openScriptedSwift(forgetting(9));
    await assert.rejects(scripted.driver.put(makeKey(), payloadOf(bytes), { mode: 'replace' }), (error) => {
      assert.ok(error instanceof AppError && error.code === 'store.credentials');
      assert.match(error.message, /user test:tester/);
      assert.doesNotMatch(error.message, /the-key-of-the-script|token-of-the-script/);
      return true;
    });
    assert.equal(redact('the-key-of-the-script AUTH_token-of-the-script'), `${REDACTED} ${REDACTED}`);
  });

  test('requests at the same time authenticate once', async () => {
    await using scripted = await openScriptedSwift(() => undefined);
    const refs = Array.from({ length: 8 }, () => makeKey()).map((key) => refOf(key, scripted.driver.locate(key)));
    await Promise.all(refs.map((ref) => scripted.driver.head(ref)));
    assert.equal(scripted.requests.filter(({ target }) => target === '/auth/v1.0').length, 1);
  });
});

describe('version 2 of the identity API', () => {
  const catalogue = (origin: string): object => ({
    access: {
      token: { id: 'token-v2', expires: '2030-01-01T00:00:00Z' },
      serviceCatalog: [
        { type: 'compute', endpoints: [{ region: 'One', publicURL: 'http://127.0.0.1:1/' }] },
        {
          type: 'object-store',
          endpoints: [
            { region: 'One', publicURL: 'http://127.0.0.1:1/v1/AUTH_x', internalURL: 'http://127.0.0.1:1/v1/AUTH_x' },
            { region: 'Two', publicURL: `${origin}/v1/AUTH_a`, internalURL: `${origin}/v1/AUTH_internal` },
          ],
        },
      ],
    },
  });
  const script: SwiftScript = (request, origin) =>
    request.target === '/v2.0/tokens' ? { status: 200, body: JSON.stringify(catalogue(origin)) } : undefined;
  const options = (changes: object) => (origin: string) => ({
    container: 'c',
    auth_version: '2.0',
    auth: `${origin}/v2.0/`,
    user: 'archive:mover',
    key: 'key-v2',
    os_region_name: 'Two',
    ...changes,
  });

  test('sends tenant, user and key as python-swiftclient does, and finds the endpoint', async () => {
    await using scripted = await openScriptedSwift(script, options({}));
    assert.match((await scripted.driver.identify()).namespace, /AUTH_a/);
    const sent: unknown = JSON.parse(String(scripted.requests[0]?.body));
    assert.deepEqual(sent, {
      auth: { passwordCredentials: { username: 'mover', password: 'key-v2' }, tenantName: 'archive' },
    });
    const key = makeKey();
    assert.equal(await scripted.driver.head(refOf(key, scripted.driver.locate(key))), undefined);
    assert.equal(scripted.requests.at(-1)?.headers['x-auth-token'], 'token-v2');
  });

  test('takes the interface that is asked for', async () => {
    await using scripted = await openScriptedSwift(
      script,
      options({ os_endpoint_type: 'internalURL', os_tenant_id: '17', user: 'mover' }),
    );
    assert.match((await scripted.driver.identify()).namespace, /AUTH_internal/);
    assert.match(String(scripted.requests[0]?.body), /"tenantId":"17"/);
  });

  test('names what the catalogue has where nothing fits', async () => {
    await using scripted = await openScriptedSwift(script, options({ os_service_type: 'blob-store' }));
    await assert.rejects(scripted.driver.identify(), { code: 'config.invalid', message: /compute, object-store/ });
  });

  test('an answer that is none is told without its text', async () => {
    const odd: SwiftScript = ({ target }) =>
      target === '/v2.0/tokens' ? { status: 200, body: '{"access":{"token":"hush"}}' } : undefined;
    await using scripted = await openScriptedSwift(odd, options({}));
    await assert.rejects(scripted.driver.identify(), (error) => {
      assert.ok(error instanceof AppError && error.code === 'store.failed');
      assert.doesNotMatch(error.message, /hush/);
      return true;
    });
  });
});
