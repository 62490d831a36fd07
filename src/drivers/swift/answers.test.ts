import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BREAK,
  isObject,
  openScriptedSwift,
  type ScriptedSwift,
  type SwiftScript,
  TRANSACTION,
} from '../../../test/support/scripted-swift.ts';
import type { ScriptedAnswer } from '../../../test/support/scripted-http.ts';
import { AppError } from '../../core/errors.ts';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf } from '../conformance/samples.ts';

const bytes = makeBytes(100, 'scripted');
const stored = { ...TRANSACTION, etag: md5Of(bytes) };

describe('what proves a write', () => {
  const put = async (script: SwiftScript): Promise<void> => {
    await using scripted = await openScriptedSwift(script);
    await scripted.driver.put(makeKey(), payloadOf(bytes), { mode: 'replace' });
  };
  const answering =
    (answer: ScriptedAnswer): SwiftScript =>
    (request) =>
      isObject(request) && request.method === 'PUT' ? answer : undefined;

  test('201 with the digest', () => put(answering({ status: 201, headers: stored })));

  test('201 with the digest in quotes', () => put(answering({ status: 201, headers: { etag: `"${md5Of(bytes)}"` } })));

  const failures: readonly (readonly [string, ScriptedAnswer, string, boolean])[] = [
    ['202: it was not kept', { status: 202, headers: stored }, 'store.busy', true],
    ['201 without a digest', { status: 201, headers: TRANSACTION }, 'store.corrupt', true],
    ['201 with another digest', { status: 201, headers: { etag: '0'.repeat(32) } }, 'store.corrupt', true],
    ['422', { status: 422, headers: TRANSACTION }, 'store.corrupt', true],
    ['404', { status: 404, headers: TRANSACTION }, 'store.container-missing', false],
    ['403', { status: 403, headers: TRANSACTION }, 'store.denied', false],
    ['408', { status: 408, headers: TRANSACTION }, 'store.timeout', true],
    ['412', { status: 412, headers: TRANSACTION }, 'store.exists', false],
    ['413', { status: 413, headers: TRANSACTION, body: 'Your request is too large.' }, 'store.too-large', false],
    ['413 for a quota', { status: 413, headers: TRANSACTION, body: 'Upload exceeds quota.' }, 'store.full', false],
    ['429', { status: 429, headers: TRANSACTION }, 'store.throttled', true],
    ['498', { status: 498, headers: TRANSACTION }, 'store.throttled', true],
    ['500', { status: 500, headers: TRANSACTION }, 'store.busy', true],
    ['503', { status: 503, headers: TRANSACTION }, 'store.busy', true],
    ['507', { status: 507, headers: TRANSACTION }, 'store.full', false],
    ['a connection that breaks', BREAK, 'store.unreachable', true],
  ];
  for (const [name, answer, code, retryable] of failures) {
    test(`${name} is ${code}`, async () => {
      await assert.rejects(put(answering(answer)), (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, code);
        assert.equal(error.retryable, retryable);
        return true;
      });
    });
  }

  test('Retry-After is passed on', async () => {
    const headers = { ...TRANSACTION, 'retry-after': '7' };
    await assert.rejects(put(answering({ status: 503, headers })), { code: 'store.throttled', retryAfterMs: 7000 });
  });

  test('an object above the limit of the cluster is refused where segments do not suffice', async () => {
    await using scripted = await openScriptedSwift(() => undefined);
    await scripted.driver.prepare().catch(() => undefined);
    assert.equal(scripted.driver.capabilities.maxPayloadBytes, 4000);
    const large = payloadOf(makeBytes(4001, 'large'));
    await assert.rejects(scripted.driver.put(makeKey(), large, { mode: 'create' }), { code: 'store.too-large' });
  });
});

describe('what proves that nothing is there', () => {
  test('a 404 of something in between does not', async () => {
    await using scripted = await openScriptedSwift((request) => (isObject(request) ? { status: 404 } : undefined));
    const key = makeKey();
    const ref = refOf(key, scripted.driver.locate(key));
    await assert.rejects(scripted.driver.head(ref), { code: 'store.failed' });
    const [outcome] = await scripted.driver.delete([{ ref, md5: undefined }]);
    assert.equal(outcome?.outcome, 'failed');
  });

  test('a 404 of the cluster does, and its container is asked for', async () => {
    await using scripted = await openScriptedSwift(() => undefined);
    const key = makeKey();
    const ref = refOf(key, scripted.driver.locate(key));
    assert.equal(await scripted.driver.head(ref), undefined);
    assert.ok(scripted.requests.some(({ method, target }) => method === 'HEAD' && target === '/v1/AUTH_a/c'));
  });

  test('an object that ends early is an error', async () => {
    await using scripted = await openScriptedSwift((request) =>
      isObject(request)
        ? { status: 200, headers: { ...stored, 'content-length': '100' }, body: 'x'.repeat(100), cutAfterBytes: 5 }
        : undefined,
    );
    const key = makeKey();
    const reading = async () =>
      readBytes(await scripted.driver.get(refOf(key, scripted.driver.locate(key)), AbortSignal.timeout(500)));
    await assert.rejects(reading(), (error) => error instanceof AppError);
  });
});

describe('listings', () => {
  const page = (...names: readonly string[]): string => JSON.stringify(names.map((name) => ({ name, bytes: 1 })));
  const listing =
    (answer: (marker: string | null) => ScriptedAnswer): SwiftScript =>
    ({ method, target }) => {
      const url = new URL(target, 'http://h');
      return method === 'GET' && url.pathname === '/v1/AUTH_a/c' ? answer(url.searchParams.get('marker')) : undefined;
    };
  const list = async (script: SwiftScript): Promise<string[]> => {
    await using scripted = await openScriptedSwift(script);
    return (await Array.fromAsync(scripted.driver.list())).map(({ url }) => url);
  };

  test('short pages are not the end', async () => {
    const pages = new Map<string | null, string>([
      [null, page('a', 'b')],
      ['b', page('c')],
      ['c', page()],
    ]);
    assert.deepEqual(await list(listing((marker) => ({ status: 200, body: pages.get(marker) ?? '' }))), [
      'swift://c/a',
      'swift://c/b',
      'swift://c/c',
    ]);
  });

  test('a page that fails is an error, not the end', async () => {
    const failing = listing((marker) =>
      marker === null ? { status: 200, body: page('a') } : { status: 503, headers: TRANSACTION },
    );
    await assert.rejects(list(failing), { code: 'store.busy' });
  });

  test('going in circles is an error', async () => {
    await assert.rejects(list(listing(() => ({ status: 200, body: page('a') }))), { code: 'store.failed' });
  });

  test('something else than a listing is an error', async () => {
    await assert.rejects(list(listing(() => ({ status: 200, body: '<html>' }))), { code: 'store.failed' });
  });
});

describe('deleting in bulk', () => {
  const run = async (report: object) => {
    await using scripted = await openScriptedSwift((request) => {
      if (request.target === '/info') return { status: 200, body: JSON.stringify({ bulk_delete: {} }) };
      if (request.target.includes('bulk-delete'))
        return { status: 200, headers: TRANSACTION, body: JSON.stringify(report) };
      return isObject(request) ? { status: 200, headers: stored } : undefined;
    });
    const keys = ['a', 'b ü', 'c', 'd', 'e'].map((id) => makeKey(id, 'bulk'));
    const outcomes = await scripted.driver.delete(
      keys.map((key) => ({ ref: refOf(key, scripted.driver.locate(key)), md5: md5Of(bytes) })),
    );
    return outcomes.map((each) => (each.outcome === 'failed' ? each.error.code : each.outcome));
  };
  const pathOf = (id: string): string => {
    const { userId, bucket, archiveId } = makeKey(id, 'bulk');
    return `/c/${userId}/${bucket}/${encodeURIComponent(archiveId)}`;
  };

  test('each item has its own outcome', async () => {
    const report = {
      'Response Status': '400 Bad Request',
      'Errors': [
        [pathOf('b ü'), '409 Conflict'],
        [pathOf('d'), '503 Busy'],
      ],
    };
    assert.deepEqual(await run(report), ['deleted', 'store.failed', 'deleted', 'store.busy', 'deleted']);
  });

  test('a report of failure that names none counts for all', async () => {
    const report = { 'Response Status': '502 Bad Gateway', 'Errors': [] };
    assert.deepEqual(await run(report), Array(5).fill('store.busy'));
  });

  test('a report that cannot be understood counts for all', async () => {
    assert.deepEqual(await run({ deleted: 5 }), Array(5).fill('store.failed'));
  });
});

describe('the manifest of a large object', () => {
  const large = makeBytes(1500, 'large');
  const hex = (data: Buffer): string => md5Of(data);

  /** Segments are kept; `manifest` says what becomes of it; HEAD says what stands there afterwards. */
  const openLarge = (manifest: ScriptedAnswer, kept: boolean) => {
    let etag = '';
    return openScriptedSwift((request) => {
      const { method, target, body } = request;
      if (target.startsWith('/v1/AUTH_a/c_segments')) {
        if (method === 'PUT' && target.includes('/slo/'))
          return { status: 201, headers: { ...TRANSACTION, etag: hex(body) } };
        return { status: 204, headers: TRANSACTION };
      }
      if (target.includes('multipart-manifest=put')) {
        const segments = JSON.parse(String(body)) as readonly { readonly etag: string }[];
        etag = md5Of(Buffer.from(segments.map((segment) => segment.etag).join('')));
        return manifest;
      }
      if (isObject(request) && method === 'HEAD' && kept && etag !== '') {
        return { status: 200, headers: { ...TRANSACTION, 'etag': `"${etag}"`, 'x-static-large-object': 'True' } };
      }
      return undefined;
    });
  };
  const removed = ({ requests }: ScriptedSwift): number =>
    requests.filter(({ method, target }) => method === 'DELETE' && target.includes('/slo/')).length;

  test('whose answer was lost, but which stands, is a success, and its segments stay', async () => {
    await using scripted = await openLarge(BREAK, true);
    await scripted.driver.put(makeKey(), payloadOf(large), { mode: 'create' });
    assert.equal(removed(scripted), 0);
  });

  test('whose answer was lost, and which does not stand, fails, and its segments go', async () => {
    await using scripted = await openLarge(BREAK, false);
    await assert.rejects(scripted.driver.put(makeKey(), payloadOf(large), { mode: 'create' }), {
      code: 'store.unreachable',
    });
    assert.equal(removed(scripted), 2);
  });

  test('that was not kept (202) fails, and its segments go', async () => {
    await using scripted = await openLarge({ status: 202, headers: TRANSACTION }, false);
    await assert.rejects(scripted.driver.put(makeKey(), payloadOf(large), { mode: 'create' }), { code: 'store.busy' });
    assert.equal(removed(scripted), 2);
  });
});
