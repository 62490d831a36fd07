import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Script,
  type ScriptedAnswer,
  type ScriptedServer,
  startScriptedServer,
} from '../../../test/support/scripted-http.ts';
import { AppError } from '../../core/errors.ts';
import { redact } from '../../core/secrets.ts';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import { azureSection } from './config.ts';
import { openAzureDriver } from './driver.ts';

const KEY = Buffer.from('the key of the script').toString('base64');
const bytes = makeBytes(100, 'scripted');

interface Scripted extends AsyncDisposable {
  readonly driver: Driver;
  readonly server: ScriptedServer;
}

const openScripted = async (script: Script): Promise<Scripted> => {
  const server = await startScriptedServer(script);
  const section = { url: `${server.url}/account`, container: 'c', account: 'account', account_key: KEY };
  const driver = openAzureDriver(azureSection.schema.parse(section));
  return {
    driver,
    server,
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
};

const answer = (status: number, code: string, more: Partial<ScriptedAnswer> = {}, message = 'No.'): ScriptedAnswer => ({
  status,
  body: code === '' ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  ...more,
  headers: {
    'content-type': 'application/xml',
    'x-ms-request-id': 'request-1',
    ...(code !== '' && { 'x-ms-error-code': code }),
    ...more.headers,
  },
});

describe('what the service answers to a write', () => {
  const failures: readonly (readonly [string, ScriptedAnswer, string])[] = [
    ['a wrong signature', answer(403, 'AuthenticationFailed'), 'store.credentials'],
    [
      'a clock that is wrong',
      answer(403, 'AuthenticationFailed', {}, 'Request date header too old: ...'),
      'store.clock-skew',
    ],
    ['no right to write', answer(403, 'AuthorizationPermissionMismatch'), 'store.denied'],
    ['no container', answer(404, 'ContainerNotFound'), 'store.container-missing'],
    ['a blob that stands there', answer(409, 'BlobAlreadyExists'), 'store.exists'],
    ['a container that is being deleted', answer(409, 'ContainerBeingDeleted'), 'store.busy'],
    ['bytes that arrived changed', answer(400, 'Md5Mismatch'), 'store.corrupt'],
    ['a body that is too large', answer(413, 'RequestBodyTooLarge'), 'store.too-large'],
    ['a policy against changes', answer(409, 'BlobImmutableDueToPolicy'), 'store.object-locked'],
    ['a name that it does not take', answer(400, 'InvalidUri'), 'store.invalid-url'],
    ['too many requests', answer(503, 'ServerBusy', { headers: { 'retry-after': '7' } }), 'store.throttled'],
    ['a passing fault', answer(500, 'InternalError'), 'store.busy'],
    ['a time-out of its own', answer(500, 'OperationTimedOut'), 'store.timeout'],
    ['anything else', answer(400, 'SomethingNew'), 'store.failed'],
    ['no room', answer(507, ''), 'store.full'],
    ['a 404 of something in between', { status: 404 }, 'store.failed'],
    ['a connection that breaks', { status: 201, body: 'lost', cutAfterBytes: 0 }, 'store.unreachable'],
  ];
  for (const [name, given, code] of failures) {
    test(`${name} is ${code}, and is not tried again`, async () => {
      await using scripted = await openScripted(() => given);
      await assert.rejects(scripted.driver.put(makeKey(), payloadOf(bytes), { mode: 'create' }), (error) => {
        assert.ok(error instanceof AppError, String(error));
        assert.equal(error.code, code, error.message);
        assert.equal(error.retryAfterMs, given.headers?.['retry-after'] === undefined ? undefined : 7000);
        if (given.headers?.['x-ms-error-code'] !== undefined) assert.match(error.message, /request id request-1/);
        return true;
      });
      assert.equal(scripted.server.requests.length, 1);
      assert.equal(scripted.server.requests[0]?.headers['if-none-match'], '*');
      assert.equal(
        scripted.server.requests[0]?.headers['x-ms-blob-content-md5'],
        Buffer.from(md5Of(bytes), 'hex').toString('base64'),
      );
    });
  }
});

test('only an answer of the service itself says that a blob is absent', async () => {
  const key = makeKey();
  for (const [given, expected] of [
    [answer(404, 'BlobNotFound'), undefined],
    [answer(404, ''), 'store.failed'],
  ] as const) {
    await using scripted = await openScripted(() => ({ ...given, body: '' }));
    const ref = refOf(key, scripted.driver.locate(key));
    if (expected === undefined) assert.equal(await scripted.driver.head(ref), undefined);
    else await assert.rejects(scripted.driver.head(ref), { code: expected });
  }
});

test('an archived blob says so', async () => {
  await using scripted = await openScripted(() => answer(409, 'BlobArchived'));
  const key = makeKey();
  await assert.rejects(scripted.driver.get(refOf(key, scripted.driver.locate(key))), { code: 'store.archived' });
});

test('a body that ends early is an error, and is not read on in silence', async () => {
  await using scripted = await openScripted(() => ({ status: 200, body: bytes, cutAfterBytes: 40 }));
  const key = makeKey();
  const read = async () => readBytes(await scripted.driver.get(refOf(key, scripted.driver.locate(key))));
  await assert.rejects(read, (error) => {
    assert.ok(error instanceof AppError && error.retryable, String(error));
    return true;
  });
  assert.equal(scripted.server.requests.length, 1);
});

test('a blob that changed between look and delete is left', async () => {
  const properties = { 'content-length': '100', 'content-md5': Buffer.from(md5Of(bytes), 'hex').toString('base64') };
  await using scripted = await openScripted(({ method }) =>
    method === 'HEAD'
      ? { status: 200, headers: { ...properties, 'etag': '"0x1"', 'x-ms-meta-anchoremd5checked': 'true' } }
      : answer(412, 'ConditionNotMet'),
  );
  const key = makeKey();
  const item = { ref: refOf(key, scripted.driver.locate(key)), md5: md5Of(bytes) };
  assert.deepEqual(await scripted.driver.delete([item]), [{ outcome: 'changed' }]);
  assert.equal(scripted.server.requests.at(-1)?.headers['if-match'], '"0x1"');
});

test('versions, soft delete and policies against changes are told', async () => {
  const listing =
    '<?xml version="1.0"?><EnumerationResults><Blobs><Blob><Name>a</Name><VersionId>2026-01-01T00:00:00.0000000Z</VersionId>' +
    '<IsCurrentVersion>true</IsCurrentVersion><Properties><Content-Length>1</Content-Length></Properties></Blob></Blobs>' +
    '<NextMarker /></EnumerationResults>';
  const service =
    '<?xml version="1.0"?><StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>14</Days>' +
    '</DeleteRetentionPolicy></StorageServiceProperties>';
  const xml = (body: string): ScriptedAnswer => ({ status: 200, body, headers: { 'content-type': 'application/xml' } });
  await using scripted = await openScripted(({ target }) => {
    if (target.includes('comp=list')) return xml(listing);
    if (target.includes('comp=properties')) return xml(service);
    return { status: 200, headers: { 'x-ms-has-immutability-policy': 'true', 'x-ms-has-legal-hold': 'false' } };
  });
  assert.deepEqual(
    (await scripted.driver.inspect()).map(({ severity, error }) => `${severity} ${error.code}`),
    ['refuse refused.object-lock', 'warn store.versioned', 'warn store.versioned'],
  );
});

test('the key and the signature are secrets', async () => {
  const options = { url: 'https://a.example', container: 'c', sas_token: '?sv=2024-11-04&sig=abcdEFGH%2Bi' };
  await using driver = openAzureDriver(azureSection.schema.parse(options));
  assert.equal(driver.name, 'azure');
  assert.equal(redact('?sv=2024-11-04&sig=abcdEFGH%2Bi'), '?****');
  assert.equal(redact('it is abcdEFGH+i'), 'it is ****');
});
