import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { s3Options } from '../../../test/support/s3-options.ts';
import type { S3Options } from './config.ts';
import { openS3Driver } from './driver.ts';
import { openEndpoint } from './endpoint.ts';
import { findPlace, keyOf, parsePlace } from './object-url.ts';

const endpointOf = (changes: Partial<S3Options>) => openEndpoint(s3Options(changes));

describe('where requests go', () => {
  test('without a URL to Amazon, in the region', () => {
    const endpoint = endpointOf({});
    assert.deepEqual(endpoint.target('eu-west-1', 'archive', 'a b'), {
      origin: 'https://s3.eu-west-1.amazonaws.com',
      host: 's3.eu-west-1.amazonaws.com',
      path: '/archive/a%20b',
    });
    assert.equal(endpoint.target('cn-north-1', 'archive', 'k').host, 's3.cn-north-1.amazonaws.com.cn');
    const virtual = endpointOf({ addressingStyle: 'virtual' }).target('eu-west-1', 'archive', undefined);
    assert.deepEqual([virtual.host, virtual.path], ['archive.s3.eu-west-1.amazonaws.com', '/']);
  });

  test('equal endpoints have one identity, however they are written', async () => {
    const same = ['http://Store:80/', 'http://store', 'HTTP://STORE:80'].map((url) => endpointOf({ url }).identity);
    assert.equal(new Set(same).size, 1);
    const others = ['https://store', 'http://store:81', 'http://store/below', 'http://other'];
    assert.equal(new Set([...same, ...others.map((url) => endpointOf({ url }).identity)]).size, 5);
    const amazon = [
      'https://s3.amazonaws.com',
      'https://s3.eu-west-1.amazonaws.com/',
      'https://s3-eu-west-1.amazonaws.com',
    ];
    for (const url of amazon) assert.equal(endpointOf({ url }).identity, endpointOf({}).identity, url);
  });

  test('stores are told apart by endpoint, bucket and prefix, and URLs by the endpoint', async () => {
    const identify = async (changes: Partial<S3Options>) => {
      await using driver = await openS3Driver(s3Options({ url: 'http://one', ...changes }), { environment: {} });
      return driver.identify();
    };
    const base = await identify({});
    for (const changes of [{ bucket: 'other' }, { prefix: 'p/' }, { url: 'http://two' }]) {
      assert.notEqual((await identify(changes)).fingerprint, base.fingerprint);
    }
    assert.equal((await identify({ bucket: 'other' })).namespace, base.namespace);
    assert.notEqual((await identify({ url: 'http://two' })).namespace, base.namespace);
    assert.equal(base.description, 's3 bucket "archive" at http://one, prefix ""');
    const withPassword = await identify({ url: 'http://user:hidden@one' });
    assert.ok(!JSON.stringify(withPassword).includes('hidden'));
  });
});

describe('content URLs', () => {
  test('the key is all that follows the bucket, as it is', () => {
    for (const [url, bucket, key] of [
      ['s3://b/k', 'b', 'k'],
      ['s3://b//k', 'b', '/k'],
      ['s3://B/a/../b?c#d%41+ e', 'B', 'a/../b?c#d%41+ e'],
      ['S3://b/line\nend', 'b', 'line\nend'],
    ] as const) {
      assert.deepEqual(parsePlace(url), { bucket, key });
    }
    for (const url of ['s3://b', 's3://b/', 's3:///k', 's3:/b/k', 'file://b/k', 'x s3://b/k', '']) {
      assert.equal(findPlace(url), undefined, url);
      assert.throws(() => parsePlace(url), { code: 'store.invalid-url' });
    }
  });

  test('the prefix stands before the key as it is', () => {
    const document = { userId: 'admin', bucket: 'policy_bundles', archiveId: 'id', documentName: 'id.json' };
    assert.equal(keyOf('internaltest', document), 'internaltestadmin/policy_bundles/id');
    assert.equal(keyOf('a/', document), 'a/admin/policy_bundles/id');
    assert.equal(keyOf('', document), 'admin/policy_bundles/id');
  });

  test('a key that S3 cannot hold is refused', () => {
    const document = { userId: 'u', bucket: 'b', archiveId: 'x', documentName: 'x.json' };
    for (const archiveId of ['k'.repeat(1025), 'ü'.repeat(600), 'lone \ud800 surrogate']) {
      assert.throws(() => keyOf('', { ...document, archiveId }), { code: 'store.invalid-url' });
    }
  });
});
