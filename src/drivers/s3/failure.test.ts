import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { s3Options } from '../../../test/support/s3-options.ts';
import { startScriptedServer, TLS_CERTIFICATE_FILE, type Script } from '../../../test/support/scripted-http.ts';
import type { ErrorCode } from '../../core/error-catalogue.ts';
import { AppError } from '../../core/errors.ts';
import { makeKey, payloadOf, readBytes, textBytes } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import type { S3Options } from './config.ts';
import { openS3Driver } from './driver.ts';

const SECRET = 'the-secret-of-this-test';

const errorXml = (code: string, more = ''): string =>
  `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>said by the store</Message>${more}<RequestId>R1</RequestId></Error>`;

const key = makeKey('some document');
const refOf = (driver: Driver) => ({ key, url: driver.locate(key) });
const timeouts = { connectMs: 2_000, headersMs: 300, bodyMs: 300 };

const withStore = async (
  script: Script,
  use: (driver: Driver) => Promise<void>,
  changes: Partial<S3Options> = {},
): Promise<void> => {
  await using server = await startScriptedServer(script);
  await using driver = await openS3Driver(s3Options({ url: server.url, ...changes }), { environment: {}, timeouts });
  await use(driver);
};

const errorOf = async (work: () => Promise<unknown>): Promise<AppError> => {
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AppError, `expected an AppError; got ${String(error)}`);
  assert.ok(!error.message.includes(SECRET));
  return error;
};

const getError = async (script: Script): Promise<AppError> => {
  let error: AppError | undefined;
  await withStore(script, async (driver) => {
    error = await errorOf(async () => readBytes(await driver.get(refOf(driver))));
  });
  assert.ok(error);
  return error;
};

interface Case {
  readonly status: number;
  /** The store's code; undefined: a body that S3 does not define. */
  readonly said: string | undefined;
  readonly code: ErrorCode;
}

const CASES: readonly Case[] = [
  { status: 404, said: 'NoSuchKey', code: 'store.not-found' },
  { status: 404, said: 'NoSuchBucket', code: 'store.container-missing' },
  { status: 404, said: undefined, code: 'store.failed' },
  { status: 403, said: 'AccessDenied', code: 'store.denied' },
  { status: 403, said: undefined, code: 'store.denied' },
  { status: 403, said: 'InvalidAccessKeyId', code: 'store.credentials' },
  { status: 403, said: 'SignatureDoesNotMatch', code: 'store.credentials' },
  { status: 400, said: 'ExpiredToken', code: 'store.credentials' },
  { status: 400, said: 'InvalidToken', code: 'store.credentials' },
  { status: 401, said: undefined, code: 'store.credentials' },
  { status: 403, said: 'RequestTimeTooSkewed', code: 'store.clock-skew' },
  { status: 301, said: 'PermanentRedirect', code: 'store.wrong-region' },
  { status: 403, said: 'InvalidObjectState', code: 'store.archived' },
  { status: 503, said: 'SlowDown', code: 'store.throttled' },
  { status: 503, said: 'ServiceUnavailable', code: 'store.busy' },
  { status: 429, said: undefined, code: 'store.throttled' },
  { status: 500, said: 'InternalError', code: 'store.busy' },
  { status: 502, said: undefined, code: 'store.busy' },
  { status: 503, said: undefined, code: 'store.busy' },
  { status: 504, said: undefined, code: 'store.busy' },
  { status: 400, said: 'RequestTimeout', code: 'store.timeout' },
  { status: 507, said: undefined, code: 'store.full' },
  { status: 400, said: 'KeyTooLongError', code: 'store.invalid-url' },
  { status: 418, said: 'Whatever', code: 'store.failed' },
];

describe('what an answer of the store means', () => {
  for (const { status, said, code } of CASES) {
    test(`${status} ${said ?? 'without a code'}: ${code}`, async () => {
      const body = said === undefined ? '<html><body>nothing of S3</body></html>' : errorXml(said);
      const error = await getError(() => ({ status, body }));
      assert.equal(error.code, code);
      assert.ok(error.message.includes(`HTTP ${status}`), error.message);
      assert.ok(error.message.includes('GetObject s3://archive/admin/analysis_data/some document'), error.message);
      if (said !== undefined) assert.ok(error.message.includes(said) && error.message.includes('R1'), error.message);
    });
  }

  test('credentials and rights: the key is named, the secret is not', async () => {
    for (const said of ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'AccessDenied']) {
      const error = await getError(() => ({ status: 403, body: errorXml(said) }));
      assert.ok(error.message.includes('AKIDTEST'), error.message);
    }
  });

  test('how long to wait is passed on, in seconds and as a date', async () => {
    const inSeconds = await getError(() => ({
      status: 503,
      headers: { 'retry-after': '7' },
      body: errorXml('SlowDown'),
    }));
    assert.equal(inSeconds.retryAfterMs, 7000);
    const date = new Date(Date.now() + 60_000).toUTCString();
    const byDate = await getError(() => ({ status: 429, headers: { 'retry-after': date } }));
    assert.ok(byDate.retryAfterMs !== undefined && byDate.retryAfterMs > 30_000 && byDate.retryAfterMs <= 60_000);
    const plain = await getError(() => ({ status: 503, headers: { 'retry-after': '1' } }));
    assert.deepEqual([plain.code, plain.retryAfterMs], ['store.throttled', 1000]);
  });

  test('a refusal to HEAD, which has no body, is explained by a listing', async () => {
    for (const [said, code] of [
      ['RequestTimeTooSkewed', 'store.clock-skew'],
      ['SignatureDoesNotMatch', 'store.credentials'],
      ['AccessDenied', 'store.denied'],
    ] as const) {
      const script: Script = ({ method }) =>
        method === 'HEAD' ? { status: 403 } : { status: 403, body: errorXml(said) };
      await withStore(script, async (driver) => {
        assert.equal((await errorOf(async () => driver.head(refOf(driver)))).code, code);
      });
    }
  });

  test('a 404 to HEAD means not found only where the bucket exists', async () => {
    const missing: Script = ({ method }) => ({ status: 404, body: method === 'HEAD' ? '' : errorXml('NoSuchBucket') });
    await withStore(missing, async (driver) => {
      assert.equal((await errorOf(async () => driver.head(refOf(driver)))).code, 'store.container-missing');
    });
    const somethingElse: Script = () => ({ status: 404, body: '<html>no such page</html>' });
    await withStore(somethingElse, async (driver) => {
      assert.equal((await errorOf(async () => driver.head(refOf(driver)))).code, 'store.failed');
    });
    const there: Script = ({ target }) => ({ status: target === '/archive' ? 200 : 404 });
    await withStore(there, async (driver) => {
      assert.equal(await driver.head(refOf(driver)), undefined);
    });
  });

  test('a put that something stands in the way of, or that is in conflict with another', async () => {
    for (const [status, said, code, retryable] of [
      [412, 'PreconditionFailed', 'store.exists', false],
      [409, 'ConditionalRequestConflict', 'store.busy', true],
      [400, 'BadDigest', 'store.corrupt', true],
      [400, 'EntityTooLarge', 'store.too-large', false],
      [507, 'XMinioStorageFull', 'store.full', false],
    ] as const) {
      await withStore(
        () => ({ status, body: errorXml(said) }),
        async (driver) => {
          const error = await errorOf(async () => driver.put(key, payloadOf(textBytes('x')), { mode: 'replace' }));
          assert.deepEqual([error.code, error.retryable], [code, retryable]);
        },
      );
    }
  });
});

describe('what a broken connection means', () => {
  test('nothing listens', async () => {
    const server = await startScriptedServer(() => undefined);
    await server[Symbol.asyncDispose]();
    await using driver = await openS3Driver(s3Options({ url: server.url }), { environment: {}, timeouts });
    const error = await errorOf(async () => driver.get(refOf(driver)));
    assert.deepEqual([error.code, error.retryable], ['store.unreachable', true]);
    assert.ok(error.message.includes(server.url) && error.message.includes('ECONNREFUSED'), error.message);
  });

  test('no such host', async () => {
    await using driver = await openS3Driver(s3Options({ url: 'http://no-such-host.invalid' }), {
      environment: {},
      timeouts,
    });
    assert.equal((await errorOf(async () => driver.get(refOf(driver)))).code, 'store.unreachable');
  });

  test('no answer comes in time', async () => {
    const error = await getError(() => undefined);
    assert.deepEqual([error.code, error.retryable], ['store.timeout', true]);
  });

  test('the answer stops in the middle', async () => {
    for (const sizeBytes of [1000, 1_000_000]) {
      const cut = await getError(() => ({ status: 200, body: 'x'.repeat(sizeBytes), cutAfterBytes: 500 }));
      assert.deepEqual([cut.code, cut.retryable], ['store.unreachable', true]);
    }
  });

  test('the store speaks plain HTTP where TLS is expected', async () => {
    await using server = await startScriptedServer(() => ({ status: 200 }));
    const url = server.url.replace('http:', 'https:');
    await using driver = await openS3Driver(s3Options({ url }), { environment: {}, timeouts });
    assert.equal((await errorOf(async () => driver.get(refOf(driver)))).code, 'store.tls');
  });

  test('a certificate must be trusted: by its CA file, or by not asking', async () => {
    await using server = await startScriptedServer(() => ({ status: 200, body: 'x' }), { tls: true });
    const read = async (changes: Partial<S3Options>): Promise<string> => {
      const options = s3Options({ url: server.url, ...changes });
      await using driver = await openS3Driver(options, { environment: {}, timeouts });
      return (await readBytes(await driver.get(refOf(driver)))).toString();
    };
    const error = await errorOf(async () => read({}));
    assert.deepEqual([error.code, error.retryable], ['store.tls', false]);
    assert.equal(await read({ caFile: TLS_CERTIFICATE_FILE }), 'x');
    assert.equal(await read({ verify: false }), 'x');
    assert.equal((await errorOf(async () => read({ caFile: '/no/such/file' }))).code, 'config.unreadable');
    // Over TLS the body is not part of the signature: it need not be read twice.
    await using driver = await openS3Driver(s3Options({ url: server.url, verify: false }), { environment: {} });
    await driver.put(key, payloadOf(textBytes('x')), { mode: 'replace' });
    assert.equal(server.requests.at(-1)?.headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
  });

  test('a signal that fires passes its reason on', async () => {
    const reason = new AppError('interrupted', 'a signal came');
    await withStore(
      () => undefined,
      async (driver) => {
        const stop = new AbortController();
        const reading = errorOf(async () => driver.get(refOf(driver), stop.signal));
        stop.abort(reason);
        assert.equal(await reading, reason);
      },
    );
  });
});
