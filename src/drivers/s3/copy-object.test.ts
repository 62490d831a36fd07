import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Script, ScriptedAnswer, ScriptedRequest } from '../../../test/support/scripted-http.ts';
import { errorXml, withScriptedS3 } from '../../../test/support/scripted-s3.ts';
import { makeKey, md5Of, refOf, textBytes } from '../conformance/samples.ts';

const bytes = textBytes('{"document": 1}');
const expected = { md5: md5Of(bytes), sizeBytes: bytes.length };
const source = refOf(makeKey(), 's3://other-bucket/a b/c+d%41/ü?#"//e');
const key = makeKey('copy');

const isCopy = ({ headers }: ScriptedRequest): boolean => headers['x-amz-copy-source'] !== undefined;
const isProbe = ({ target }: ScriptedRequest): boolean => target.includes('probe');
const copied = (etag: string): string => `<CopyObjectResult><ETag>&quot;${etag}&quot;</ETag></CopyObjectResult>`;

/** A store that compares what it copies, and answers a copy as it is told to. */
const answering =
  (answer: ScriptedAnswer): Script =>
  (request) => {
    if (isProbe(request)) return { status: 412, body: errorXml('PreconditionFailed') };
    return isCopy(request) ? answer : { status: 500 };
  };

describe('a copy by the store itself', () => {
  test('names its source exactly, and how the copy is to be kept', async () => {
    const changes = {
      sse: { mode: 'aws:kms', kmsKeyId: 'key-1' },
      storageClass: 'STANDARD_IA',
      checksum: 'sha256',
    } as const;
    const script = answering({ status: 200, body: copied(expected.md5) });
    await withScriptedS3(script, changes, async (driver, { requests }) => {
      const receipt = await driver.copyWithin?.(source, key, expected);
      assert.deepEqual(receipt, { url: driver.locate(key), md5: expected.md5, sizeBytes: undefined });
      const [probe, copy, ...others] = requests;
      assert.ok(probe !== undefined && isProbe(probe));
      assert.deepEqual(others, []);
      assert.equal(copy?.method, 'PUT');
      assert.equal(copy.target, '/archive/admin/analysis_data/copy');
      const sent = Object.entries(copy.headers).filter(([name]) => /^(content-type|x-amz-(?!date|content))/.test(name));
      assert.deepEqual(Object.fromEntries(sent), {
        'content-type': 'binary/octet-stream',
        'x-amz-copy-source': '/other-bucket/a%20b/c%2Bd%2541/%C3%BC%3F%23%22//e',
        'x-amz-copy-source-if-match': `"${expected.md5}"`,
        'x-amz-metadata-directive': 'REPLACE',
        'x-amz-tagging-directive': 'REPLACE',
        'x-amz-checksum-algorithm': 'SHA256',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
        'x-amz-storage-class': 'STANDARD_IA',
      });
    });
  });

  test('a store is asked once whether it compares, and one that does not is not asked to copy', async () => {
    const script: Script = ({ method }) =>
      method === 'DELETE' ? { status: 204 } : { status: 200, body: copied('0'.repeat(32)) };
    await withScriptedS3(script, {}, async (driver, { requests }) => {
      for (let round = 0; round < 2; round += 1) {
        await assert.rejects(async () => driver.copyWithin?.(source, key, expected), { code: 'store.failed' });
      }
      assert.deepEqual(
        requests.map((request) => [request.method, isProbe(request)]),
        [
          ['PUT', true],
          ['DELETE', true],
        ],
      );
    });
  });

  test('an entity tag that is no MD5, or that of other bytes, proves nothing', async () => {
    for (const [answer, etag] of [
      [{}, 'not-an-md5'],
      [{}, `${expected.md5}-2`],
      [{}, md5Of(textBytes('other'))],
      [{ 'x-amz-server-side-encryption': 'aws:kms' }, expected.md5],
    ] as const) {
      const script = answering({ status: 200, headers: answer, body: copied(etag) });
      await withScriptedS3(script, {}, async (driver) => {
        assert.equal((await driver.copyWithin?.(source, key, expected))?.md5, undefined);
      });
    }
  });

  for (const [name, answer, code] of [
    ['an error that comes with status 200', { status: 200, body: `\n ${errorXml('InternalError')}` }, 'store.busy'],
    ['throttling that comes with status 200', { status: 200, body: errorXml('SlowDown') }, 'store.throttled'],
    ['an answer that says nothing', { status: 200, body: '<Something/>' }, 'store.failed'],
    ['another MD5', { status: 412, body: errorXml('PreconditionFailed') }, 'store.failed'],
    ['a source that is absent', { status: 404, body: errorXml('NoSuchKey') }, 'store.not-found'],
    ['a bucket that is absent', { status: 404, body: errorXml('NoSuchBucket') }, 'store.container-missing'],
    ['no permission', { status: 403, body: errorXml('AccessDenied') }, 'store.denied'],
    ['no such operation', { status: 501, body: errorXml('NotImplemented') }, 'store.failed'],
    ['an archival class', { status: 403, body: errorXml('InvalidObjectState') }, 'store.archived'],
  ] as const) {
    test(`${name}: ${code}`, async () => {
      await withScriptedS3(answering(answer), {}, async (driver) => {
        await assert.rejects(async () => driver.copyWithin?.(source, key, expected), { code });
      });
    });
  }

  describe('in parts', () => {
    const copySizes = { wholeBytes: 5, partBytes: 6 };
    const inParts = (part: ScriptedAnswer): Script => {
      const plain = answering(part);
      return (request) => {
        const { method, target } = request;
        if (method === 'GET') return { status: 200, body: '<ListMultipartUploadsResult></ListMultipartUploadsResult>' };
        if (method === 'DELETE') return { status: 204 };
        if (method !== 'POST') return plain(request);
        return target.endsWith('?uploads=')
          ? {
              status: 200,
              body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
            }
          : { status: 200, body: `<CompleteMultipartUploadResult><ETag>"x-3"</ETag></CompleteMultipartUploadResult>` };
      };
    };
    const copiedPart = '<CopyPartResult><ETag>"p"</ETag></CopyPartResult>';

    test('takes each range once, each on the condition, and proves nothing', async () => {
      await withScriptedS3(
        inParts({ status: 200, body: copiedPart }),
        {},
        async (driver, { requests }) => {
          assert.equal((await driver.copyWithin?.(source, key, expected))?.md5, undefined);
          const parts = requests.filter((request) => isCopy(request) && !isProbe(request));
          assert.deepEqual(parts.map(({ headers }) => String(headers['x-amz-copy-source-range'])).toSorted(), [
            'bytes=0-5',
            'bytes=12-14',
            'bytes=6-11',
          ]);
          assert.ok(parts.every(({ headers }) => headers['x-amz-copy-source-if-match'] === `"${expected.md5}"`));
          assert.match(String(requests.at(-1)?.body), /(?:<Part><PartNumber>[123]<\/PartNumber><ETag>&quot;p.*){3}/);
        },
        { copySizes },
      );
    });

    test('an error of a part ends it, and nothing is left', async () => {
      for (const [answer, code] of [
        [{ status: 200, body: errorXml('InternalError') }, 'store.busy'],
        [{ status: 200, body: '<CopyPartResult/>' }, 'store.failed'],
        [{ status: 412, body: errorXml('PreconditionFailed') }, 'store.failed'],
      ] as const) {
        await withScriptedS3(
          inParts(answer),
          {},
          async (driver, { requests }) => {
            await assert.rejects(async () => driver.copyWithin?.(source, key, expected), { code });
            assert.equal(requests.filter(({ method }) => method === 'DELETE').length, 1);
          },
          { copySizes },
        );
      }
    });
  });
});
