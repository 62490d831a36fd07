import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Script } from '../../../test/support/scripted-http.ts';
import { errorXml, withScriptedS3 } from '../../../test/support/scripted-s3.ts';
import { makeKey, md5Of, refOf, textBytes } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';

const bytes = textBytes('{"document": 1}');

describe('deleting where the store is not like Amazon', () => {
  const head = { status: 200, headers: { 'etag': `"${md5Of(bytes)}"`, 'content-length': '0' } };
  const items = (driver: Driver, names: readonly string[]) =>
    names.map((name) => ({ ref: refOf(makeKey(name), driver.locate(makeKey(name))), md5: md5Of(bytes) }));

  test('without DeleteObjects each object is deleted by itself', async () => {
    for (const refusal of [{ status: 501, body: errorXml('NotImplemented') }, { status: 405 }]) {
      const script: Script = ({ method }) => (method === 'HEAD' ? head : method === 'POST' ? refusal : { status: 204 });
      await withScriptedS3(script, {}, async (driver, { requests }) => {
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
    await withScriptedS3(script, {}, async (driver, { requests }) => {
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
    await withScriptedS3(knows, {}, async (driver, { requests }) => {
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
    await withScriptedS3(old, {}, async (driver, { requests }) => {
      for (const posts of [2, 3]) {
        const results = await driver.delete(items(driver, ['a', 'b']));
        assert.deepEqual(results, [{ outcome: 'deleted' }, { outcome: 'deleted' }]);
        assert.equal(requests.filter(({ method }) => method === 'POST').length, posts);
      }
    });
    const single: Script = ({ method }) => (method === 'HEAD' ? head : { status: 412 });
    await withScriptedS3(single, {}, async (driver, { requests }) => {
      assert.deepEqual(await driver.delete(items(driver, ['a'])), [{ outcome: 'changed' }]);
      assert.equal(requests.at(-1)?.headers['if-match'], `"${md5Of(bytes)}"`);
    });
  });

  test('keys that XML cannot hold are never put into it', async () => {
    const script: Script = ({ method }) => (method === 'HEAD' ? head : { status: 204 });
    await withScriptedS3(script, {}, async (driver, { requests }) => {
      const results = await driver.delete(items(driver, ['a\u0001', 'b\uffff', 'c\u0085']));
      assert.deepEqual(
        results,
        Array.from({ length: 3 }, () => ({ outcome: 'deleted' })),
      );
      assert.ok(requests.every(({ method }) => method !== 'POST'));
    });
  });
});
