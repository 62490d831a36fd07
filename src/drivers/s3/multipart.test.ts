import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Script, ScriptedRequest, ScriptedServer } from '../../../test/support/scripted-http.ts';
import { errorXml, withScriptedS3 } from '../../../test/support/scripted-s3.ts';
import { makeKey, streamOf, textBytes } from '../conformance/samples.ts';

const key = makeKey('a document');
const bytes = textBytes('{"document": 1}');

describe('an upload in parts', () => {
  const partSizes = { multipartBytes: 10, partBytes: 8 };
  const answers = (complete: ReturnType<Script>): Script => {
    return ({ method, target }) => {
      if (method === 'GET') return { status: 200, body: '<ListMultipartUploadsResult></ListMultipartUploadsResult>' };
      if (method === 'POST' && target.endsWith('?uploads=')) {
        return {
          status: 200,
          body: '<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>',
        };
      }
      if (method === 'PUT') return { status: 200, headers: { etag: '"x"' } };
      return method === 'DELETE' ? { status: 204 } : complete;
    };
  };
  const aborts = ({ requests }: ScriptedServer): number => requests.filter(({ method }) => method === 'DELETE').length;

  test('an error that comes with status 200 is an error, and nothing is left', async () => {
    for (const [body, code] of [
      [`<?xml version="1.0"?>\n\n   ${errorXml('InternalError')}`, 'store.busy'],
      [`\n  ${errorXml('SlowDown')}`, 'store.throttled'],
      ['<Something/>', 'store.failed'],
      ['', 'store.failed'],
    ] as const) {
      await withScriptedS3(
        answers({ status: 200, body: body.replace(/(<\?xml[^>]*>)\s+/, '$1') }),
        {},
        async (driver, server) => {
          await assert.rejects(driver.put(key, streamOf(bytes), { mode: 'replace' }), { code });
          assert.equal(aborts(server), 1);
        },
        { partSizes },
      );
    }
  });

  test('an entity tag that is not made of the MD5s of the parts proves nothing', async () => {
    const body = '<CompleteMultipartUploadResult><ETag>&quot;something-2&quot;</ETag></CompleteMultipartUploadResult>';
    await withScriptedS3(
      answers({ status: 200, body }),
      {},
      async (driver, server) => {
        assert.equal((await driver.put(key, streamOf(bytes), { mode: 'replace' })).md5, undefined);
        assert.equal(aborts(server), 0);
        const parts = server.requests.filter(({ method }) => method === 'PUT');
        assert.deepEqual(Buffer.concat(parts.map((part) => part.body)), Buffer.from(bytes));
        assert.ok(parts.every(({ headers }) => headers['content-md5'] !== undefined));
      },
      { partSizes },
    );
  });

  test('an upload that could not be aborted is aborted before the next try', async () => {
    let broken = true;
    const plain = answers({ status: 500, body: errorXml('InternalError') });
    const script: Script = (request) => (broken && request.method === 'DELETE' ? { status: 503 } : plain(request));
    await withScriptedS3(
      script,
      {},
      async (driver, server) => {
        await assert.rejects(driver.put(key, streamOf(bytes), { mode: 'replace' }), { code: 'store.busy' });
        broken = false;
        await assert.rejects(driver.put(key, streamOf(bytes), { mode: 'replace' }), { code: 'store.busy' });
        assert.equal(aborts(server), 3);
      },
      { partSizes },
    );
  });

  test('uploads that are found when the store is made ready are aborted with the next small write of their key', async () => {
    const upload = (name: string, id: string): string =>
      `<Upload><Key>${encodeURIComponent(`admin/analysis_data/${name}`)}</Key><UploadId>${id}</UploadId></Upload>`;
    const page = (inner: string): string =>
      `<ListMultipartUploadsResult><EncodingType>url</EncodingType>${inner}</ListMultipartUploadsResult>`;
    const first = `${upload('other', 'u1')}<IsTruncated>true</IsTruncated><NextKeyMarker>a%2Fb%20c</NextKeyMarker><NextUploadIdMarker>u1</NextUploadIdMarker>`;
    const second = `${upload(key.archiveId, 'u2')}${upload(key.archiveId, 'u3')}<IsTruncated>false</IsTruncated>`;
    const script: Script = ({ method, target }) => {
      if (method === 'GET')
        return { status: 200, body: page(target.includes('key-marker=a%2Fb%20c') ? second : first) };
      return { status: 200 };
    };
    await withScriptedS3(script, {}, async (driver, server) => {
      await driver.prepare();
      assert.equal(server.requests.filter(({ target }) => target.includes('uploads=')).length, 2);
      const ended = (): readonly string[] =>
        server.requests.filter(({ method, target }) => method === 'DELETE' && target.includes('uploadId')).map(idOf);
      assert.deepEqual(ended(), []);
      await driver.put(key, streamOf(bytes), { mode: 'replace' });
      assert.deepEqual(ended(), ['u2', 'u3']);
      await driver.put(key, streamOf(bytes), { mode: 'replace' });
      assert.deepEqual(ended(), ['u2', 'u3']);
    });
  });

  test('where uploads cannot be listed the store is ready all the same', async () => {
    const script: Script = ({ method, target }) =>
      method === 'GET' && target.includes('uploads=')
        ? { status: 403, body: errorXml('AccessDenied') }
        : { status: 200 };
    await withScriptedS3(script, {}, async (driver) => {
      await driver.prepare();
      await driver.put(key, streamOf(bytes), { mode: 'replace' });
    });
  });
});

const idOf = ({ target }: ScriptedRequest): string => /uploadId=([^&]*)/.exec(target)?.[1] ?? '';
