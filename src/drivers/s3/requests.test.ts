import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { s3Options } from '../../../test/support/s3-options.ts';
import { startScriptedServer, type Script, type ScriptedServer } from '../../../test/support/scripted-http.ts';
import { makeKey, md5Of, payloadOf, readBytes, refOf, streamOf, textBytes } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import type { S3Options } from './config.ts';
import { openS3Driver, type S3Surroundings } from './driver.ts';

const key = makeKey('a document');
const bytes = textBytes('{"document": 1}');

const errorXml = (code: string, more = ''): string => `<Error><Code>${code}</Code><Message>no</Message>${more}</Error>`;

const withStore = async (
  script: Script,
  changes: Partial<S3Options>,
  use: (driver: Driver, server: ScriptedServer) => Promise<void>,
  surroundings: Partial<S3Surroundings> = {},
): Promise<void> => {
  await using server = await startScriptedServer(script);
  await using driver = await openS3Driver(s3Options({ url: server.url, ...changes }), {
    environment: {},
    ...surroundings,
  });
  await use(driver, server);
};

const regionIn = (authorization: string | undefined): string | undefined => authorization?.split('/')[2];

describe('what is sent', () => {
  test('a put carries its type, its MD5, the conditions and the class', async () => {
    const changes = { storageClass: 'STANDARD_IA', sse: { mode: 'aws:kms', kmsKeyId: 'key-1' } } as const;
    await withStore(
      () => ({ status: 200 }),
      changes,
      async (driver, { requests }) => {
        const receipt = await driver.put(key, payloadOf(bytes), { mode: 'replace' });
        assert.equal(receipt.md5, undefined);
        const [put] = requests;
        assert.equal(put?.method, 'PUT');
        assert.equal(put.target, '/archive/admin/analysis_data/a%20document');
        assert.deepEqual(put.body, Buffer.from(bytes));
        const { headers } = put;
        assert.equal(headers['content-type'], 'binary/octet-stream');
        assert.equal(headers['content-md5'], Buffer.from(md5Of(bytes), 'hex').toString('base64'));
        assert.equal(headers['content-length'], String(bytes.length));
        assert.equal(headers['x-amz-storage-class'], 'STANDARD_IA');
        assert.equal(headers['x-amz-server-side-encryption'], 'aws:kms');
        assert.equal(headers['x-amz-server-side-encryption-aws-kms-key-id'], 'key-1');
        assert.equal(headers['content-encoding'], undefined);
        assert.match(headers['x-amz-content-sha256']?.toString() ?? '', /^[0-9a-f]{64}$/);
      },
    );
  });

  test('an entity tag proves the bytes only where it is their MD5, and not that of what was encrypted', async () => {
    const md5 = md5Of(bytes);
    for (const [headers, expected] of [
      [{ etag: `"${md5}"` }, md5],
      [{ etag: `"${md5.toUpperCase()}"` }, md5],
      [{ 'etag': `"${md5}"`, 'x-amz-server-side-encryption': 'AES256' }, md5],
      [{ 'etag': `"${md5}"`, 'x-amz-server-side-encryption': 'aws:kms' }, undefined],
      [{ 'etag': `"${md5}"`, 'x-amz-server-side-encryption-customer-algorithm': 'AES256' }, undefined],
      [{ etag: `"${md5}-1"` }, undefined],
      [{ etag: `"${md5Of(textBytes('other'))}"` }, undefined],
      [{}, undefined],
    ] as const) {
      await withStore(
        () => ({ status: 200, headers }),
        {},
        async (driver) => {
          assert.equal((await driver.put(key, payloadOf(bytes), { mode: 'replace' })).md5, expected);
        },
      );
    }
  });

  test('the bucket can stand in the host name', async () => {
    await withStore(
      () => ({ status: 200 }),
      {},
      async (_, { url, requests }) => {
        // Through a proxy, since no name server here knows such a host.
        const options = s3Options({ url: 'http://store.invalid:9000', addressingStyle: 'virtual' });
        await using driver = await openS3Driver(options, { environment: { HTTP_PROXY: url } });
        await driver.put(key, payloadOf(bytes), { mode: 'replace' });
        assert.equal(requests[0]?.target, 'http://archive.store.invalid:9000/admin/analysis_data/a%20document');
        assert.equal(requests[0]?.headers.host, 'archive.store.invalid:9000');
      },
    );
  });

  test('an endpoint below a path keeps it', async () => {
    await withStore(
      () => ({ status: 200 }),
      {},
      async (_, { url, requests }) => {
        await using driver = await openS3Driver(s3Options({ url: `${url}/gateway/s3/` }), { environment: {} });
        await driver.put(key, payloadOf(bytes), { mode: 'replace' });
        assert.equal(requests[0]?.target, '/gateway/s3/archive/admin/analysis_data/a%20document');
      },
    );
  });
});

describe('another region', () => {
  test('it is followed once, and remembered', async () => {
    const script: Script = ({ headers }) =>
      regionIn(headers.authorization) === 'eu-west-9'
        ? { status: 200, headers: { etag: `"${md5Of(bytes)}"` } }
        : { status: 400, body: errorXml('AuthorizationHeaderMalformed', '<Region>eu-west-9</Region>') };
    await withStore(script, {}, async (driver, { requests }) => {
      await driver.put(key, streamOf(bytes), { mode: 'replace' });
      await driver.put(key, streamOf(bytes), { mode: 'replace' });
      assert.deepEqual(
        requests.map(({ headers }) => regionIn(headers.authorization)),
        ['us-east-1', 'eu-west-9', 'eu-west-9'],
      );
    });
  });

  test('it is not followed for ever, nor to a place that is no region', async () => {
    for (const region of ['us-east-1', 'x.example.com/', '']) {
      const script: Script = () => ({
        status: 301,
        headers: { 'x-amz-bucket-region': region },
        body: errorXml('PermanentRedirect'),
      });
      await withStore(script, {}, async (driver, { requests }) => {
        await assert.rejects(async () => driver.get(refOf(key, driver.locate(key))), { code: 'store.wrong-region' });
        assert.equal(requests.length, 1);
      });
    }
    let number = 0;
    const wandering: Script = () => ({ status: 301, headers: { 'x-amz-bucket-region': `r-${(number += 1)}` } });
    await withStore(wandering, {}, async (driver, { requests }) => {
      await assert.rejects(async () => driver.get(refOf(key, driver.locate(key))), { code: 'store.wrong-region' });
      assert.equal(requests.length, 2);
    });
  });
});

describe('deleting where the store is not like Amazon', () => {
  const head = { status: 200, headers: { 'etag': `"${md5Of(bytes)}"`, 'content-length': '0' } };
  const items = (driver: Driver, names: readonly string[]) =>
    names.map((name) => ({ ref: refOf(makeKey(name), driver.locate(makeKey(name))), md5: md5Of(bytes) }));

  test('without DeleteObjects each object is deleted by itself', async () => {
    for (const refusal of [{ status: 501, body: errorXml('NotImplemented') }, { status: 405 }]) {
      const script: Script = ({ method }) => (method === 'HEAD' ? head : method === 'POST' ? refusal : { status: 204 });
      await withStore(script, {}, async (driver, { requests }) => {
        const results = await driver.delete(items(driver, ['a', 'b', 'c']));
        assert.deepEqual(
          results,
          Array.from({ length: 3 }, () => ({ outcome: 'deleted' })),
        );
        assert.equal(requests.filter(({ method }) => method === 'DELETE').length, 3);
      });
    }
  });

  test('errors of single keys are told apart, and a key that the answer leaves out is deleted by itself', async () => {
    const result = (driverKey: string): string =>
      `<DeleteResult><Deleted><Key>${driverKey}/a</Key></Deleted>
       <Error><Key>${driverKey}/b</Key><Code>AccessDenied</Code><Message>locked</Message></Error>
       <Error><Key>${driverKey}/c</Key><Code>SlowDown</Code><Message>later</Message></Error></DeleteResult>`;
    const script: Script = ({ method }) => {
      if (method === 'HEAD') return head;
      return method === 'POST' ? { status: 200, body: result('admin/analysis_data') } : { status: 204 };
    };
    await withStore(script, {}, async (driver, { requests }) => {
      const [a, b, c, d] = await driver.delete(items(driver, ['a', 'b', 'c', 'd']));
      assert.deepEqual([a, d], [{ outcome: 'deleted' }, { outcome: 'deleted' }]);
      assert.ok(b?.outcome === 'failed' && b.error.code === 'store.denied');
      assert.ok(c?.outcome === 'failed' && c.error.code === 'store.throttled');
      assert.deepEqual(
        requests.filter(({ method }) => method === 'DELETE').map(({ target }) => target),
        ['/archive/admin/analysis_data/d'],
      );
    });
  });

  test('what was looked at is named, so that nothing else goes; a store that refuses that is asked without', async () => {
    const etag = `&quot;${md5Of(bytes)}&quot;`;
    const listed = `<DeleteResult><Error><Key>admin/analysis_data/a</Key><Code>PreconditionFailed</Code></Error>
       <Deleted><Key>admin/analysis_data/b</Key></Deleted></DeleteResult>`;
    const knows: Script = ({ method }) => (method === 'HEAD' ? head : { status: 200, body: listed });
    await withStore(knows, {}, async (driver, { requests }) => {
      assert.deepEqual(await driver.delete(items(driver, ['a', 'b'])), [
        { outcome: 'changed' },
        { outcome: 'deleted' },
      ]);
      assert.equal(requests.at(-1)?.body.toString().split(`<ETag>${etag}</ETag>`).length, 3);
    });
    const old: Script = ({ method, body }) => {
      if (method === 'HEAD') return head;
      if (body.includes('ETag')) return { status: 400, body: errorXml('MalformedXML') };
      const names = ['a', 'b'].map((name) => `<Deleted><Key>admin/analysis_data/${name}</Key></Deleted>`);
      return { status: 200, body: `<DeleteResult>${names.join('')}</DeleteResult>` };
    };
    await withStore(old, {}, async (driver, { requests }) => {
      for (const posts of [2, 3]) {
        const results = await driver.delete(items(driver, ['a', 'b']));
        assert.deepEqual(results, [{ outcome: 'deleted' }, { outcome: 'deleted' }]);
        assert.equal(requests.filter(({ method }) => method === 'POST').length, posts);
      }
    });
    const single: Script = ({ method }) => (method === 'HEAD' ? head : { status: 412 });
    await withStore(single, {}, async (driver, { requests }) => {
      assert.deepEqual(await driver.delete(items(driver, ['a'])), [{ outcome: 'changed' }]);
      assert.equal(requests.at(-1)?.headers['if-match'], `"${md5Of(bytes)}"`);
    });
  });

  test('keys that XML cannot hold are never put into it', async () => {
    const script: Script = ({ method }) => (method === 'HEAD' ? head : { status: 204 });
    await withStore(script, {}, async (driver, { requests }) => {
      const results = await driver.delete(items(driver, ['a\u0001', 'b\uffff', 'c\u0085']));
      assert.deepEqual(
        results,
        Array.from({ length: 3 }, () => ({ outcome: 'deleted' })),
      );
      assert.ok(requests.every(({ method }) => method !== 'POST'));
    });
  });
});

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
      await withStore(
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
    await withStore(
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
    await withStore(
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
});

describe('proxies', () => {
  test('HTTP_PROXY is used, the key stays exact, and NO_PROXY is honoured', async () => {
    const odd = makeKey('a/../b//c');
    await withStore(
      () => ({ status: 200, body: 'x' }),
      {},
      async (_, proxy) => {
        const options = s3Options({ url: 'http://store.invalid:9000' });
        const environment = { HTTP_PROXY: proxy.url };
        await using driver = await openS3Driver(options, { environment });
        await readBytes(await driver.get(refOf(odd, driver.locate(odd))));
        assert.equal(proxy.requests[0]?.target, 'http://store.invalid:9000/archive/admin/analysis_data/a/../b//c');
        const direct = { ...environment, NO_PROXY: 'store.invalid' };
        await using other = await openS3Driver(options, { environment: direct });
        await assert.rejects(async () => other.get(refOf(odd, other.locate(odd))), { code: 'store.unreachable' });
        assert.equal(proxy.requests.length, 1);
      },
    );
  });
});
