import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { s3Options } from '../../../test/support/s3-options.ts';
import { type Script, startScriptedServer, TLS_CERTIFICATE_FILE } from '../../../test/support/scripted-http.ts';
import { errorXml, withScriptedS3 } from '../../../test/support/scripted-s3.ts';
import { makeKey, md5Of, payloadOf, readBytes, refOf, streamOf, textBytes } from '../conformance/samples.ts';
import type { Payload } from '../contract.ts';
import { openS3Driver } from './driver.ts';

const key = makeKey('a document');
const bytes = textBytes('{"document": 1}');

const regionIn = (authorization: string | undefined): string | undefined => authorization?.split('/')[2];

describe('what is sent', () => {
  test('a put carries its type, its MD5, the conditions and the class', async () => {
    const changes = { storageClass: 'STANDARD_IA', sse: { mode: 'aws:kms', kmsKeyId: 'key-1' } } as const;
    await withScriptedS3(
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
      await withScriptedS3(
        () => ({ status: 200, headers }),
        {},
        async (driver) => {
          assert.equal((await driver.put(key, payloadOf(bytes), { mode: 'replace' })).md5, expected);
        },
      );
    }
  });

  test('the bucket can stand in the host name', async () => {
    await withScriptedS3(
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
    await withScriptedS3(
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

describe('a stream that is sent as it comes', () => {
  const MIB = 1024 * 1024;
  const large = (last: (signal: AbortSignal | undefined) => Promise<void>): Payload => ({
    sizeBytes: 10 * MIB,
    md5: md5Of(bytes),
    open: async function* (signal) {
      for (let count = 0; count < 5; count += 1) yield new Uint8Array(MIB);
      await last(signal);
    },
  });

  test('an error of its source comes out as it is', async () => {
    const payload = large(async () => {
      throw new RangeError('the source broke off');
    });
    await withScriptedS3(
      () => ({ status: 200 }),
      {},
      async (driver, { requests }) => {
        await assert.rejects(driver.put(key, payload, { mode: 'replace' }), RangeError);
        assert.deepEqual(requests, []);
      },
    );
  });

  test('a signal ends it, even where the source hangs', async () => {
    const stop = new AbortController();
    const payload = large(async () => {
      setImmediate(() => stop.abort(new Error('enough')));
      await new Promise(() => undefined);
    });
    await withScriptedS3(
      () => ({ status: 200 }),
      {},
      async (driver, { requests }) => {
        const put = driver.put(key, payload, { mode: 'replace', signal: stop.signal });
        await assert.rejects(put, { code: 'interrupted' });
        assert.deepEqual(requests, []);
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
    await withScriptedS3(script, {}, async (driver, { requests }) => {
      await driver.put(key, streamOf(bytes), { mode: 'replace' });
      await driver.put(key, streamOf(bytes), { mode: 'replace' });
      assert.deepEqual(
        requests.map(({ headers }) => regionIn(headers.authorization)),
        ['us-east-1', 'eu-west-9', 'eu-west-9'],
      );
    });
  });

  test('several requests that were sent to the wrong one at once all follow', async () => {
    const script: Script = ({ headers }) =>
      regionIn(headers.authorization) === 'eu-west-9'
        ? { status: 200, headers: { etag: `"${md5Of(bytes)}"` } }
        : { status: 400, body: errorXml('AuthorizationHeaderMalformed', '<Region>eu-west-9</Region>') };
    await withScriptedS3(script, {}, async (driver) => {
      await Promise.all(Array.from({ length: 8 }, () => driver.put(key, streamOf(bytes), { mode: 'replace' })));
    });
  });

  test('it is not followed for ever, nor to a place that is no region', async () => {
    for (const region of ['us-east-1', 'x.example.com/', '']) {
      const script: Script = () => ({
        status: 301,
        headers: { 'x-amz-bucket-region': region },
        body: errorXml('PermanentRedirect'),
      });
      await withScriptedS3(script, {}, async (driver, { requests }) => {
        await assert.rejects(async () => driver.get(refOf(key, driver.locate(key))), { code: 'store.wrong-region' });
        assert.equal(requests.length, 1);
      });
    }
    let number = 0;
    const wandering: Script = () => ({ status: 301, headers: { 'x-amz-bucket-region': `r-${(number += 1)}` } });
    await withScriptedS3(wandering, {}, async (driver, { requests }) => {
      await assert.rejects(async () => driver.get(refOf(key, driver.locate(key))), { code: 'store.wrong-region' });
      assert.equal(requests.length, 2);
    });
  });
});

/** A proxy that only makes tunnels; the hosts that were asked for. */
const startTunnel = async () => {
  const hosts: string[] = [];
  const sockets = new Set<Duplex>();
  const proxy = createServer().on('connect', (request, client) => {
    hosts.push(request.url ?? '');
    const target = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.pipe(client).pipe(target);
    });
    for (const socket of [client, target]) sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    hosts,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
};

describe('proxies', () => {
  test('HTTPS_PROXY makes a tunnel, in which the certificate of the store is checked', async () => {
    await using tunnel = await startTunnel();
    await using server = await startScriptedServer(() => ({ status: 200, body: 'x' }), { tls: true });
    const url = server.url.replace('127.0.0.1', 'localhost');
    const environment = { https_proxy: tunnel.url };
    const trusting = await openS3Driver(s3Options({ url, caFile: TLS_CERTIFICATE_FILE }), { environment });
    assert.equal((await readBytes(await trusting.get(refOf(key, trusting.locate(key))))).toString(), 'x');
    assert.deepEqual(tunnel.hosts, [new URL(url).host]);
    await trusting[Symbol.asyncDispose]();
    await using doubting = await openS3Driver(s3Options({ url }), { environment });
    await assert.rejects(async () => doubting.get(refOf(key, doubting.locate(key))), { code: 'store.tls' });
  });

  test('HTTP_PROXY is used, the key stays exact, and NO_PROXY is honoured', async () => {
    const odd = makeKey('a/../b//c');
    await withScriptedS3(
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
