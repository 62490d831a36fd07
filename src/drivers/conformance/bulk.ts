import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BulkOperations, BulkResult } from '../contract.ts';
import { makeBytes, makeContents, makeKey, md5Of, payloadOf, readBytes, refOf, textBytes } from './samples.ts';
import type { OpenSubject } from './subject.ts';

const codeOf = (result: BulkResult<unknown> | undefined): string | undefined =>
  result === undefined || result.ok ? undefined : result.error.code;

/** For drivers without bulk operations these pass as they are: there is nothing to hold to the contract. */
export const bulkCases = ({ driver }: OpenSubject): void => {
  const withBulk = async (work: (bulk: BulkOperations) => Promise<void>): Promise<void> => {
    const { bulk } = driver();
    if (bulk !== undefined) await work(bulk);
  };

  describe('bulk operations, where there are any', () => {
    test('write and read what single ones do', () =>
      withBulk(async (bulk) => {
        const items = Object.values(makeContents()).map((bytes) => ({ key: makeKey(), payload: payloadOf(bytes) }));
        const receipts = await bulk.put(items, { mode: 'create' });
        assert.deepEqual(
          receipts.map(codeOf),
          items.map(() => undefined),
        );
        const refs = items.map(({ key }) => refOf(key, driver().locate(key)));
        const read = await bulk.get(refs);
        const heads = await bulk.head(refs);
        for (const [index, { key, payload }] of items.entries()) {
          const receipt = receipts[index];
          assert.ok(receipt?.ok);
          assert.equal(receipt.value.url, driver().locate(key));
          assert.equal(receipt.value.md5 ?? payload.md5, payload.md5);
          const bytes = read[index];
          assert.ok(bytes?.ok);
          assert.equal(md5Of(bytes.value), payload.md5);
          assert.equal(md5Of(await readBytes(await driver().get(refOf(key, driver().locate(key))))), payload.md5);
          const head = heads[index];
          assert.ok(head?.ok);
          assert.equal(head.value?.sizeBytes, payload.sizeBytes);
          assert.equal(head.value?.md5 ?? payload.md5, payload.md5);
        }
      }));

    test('answer each item for itself, in order', () =>
      withBulk(async (bulk) => {
        const [standing, fresh, wrong, absent] = [makeKey(), makeKey(), makeKey(), makeKey()];
        await driver().put(standing, payloadOf(textBytes('stands already')), { mode: 'create' });
        const results = await bulk.put(
          [
            { key: standing, payload: payloadOf(textBytes('late')) },
            { key: wrong, payload: payloadOf(textBytes('wrong'), md5Of(textBytes('other'))) },
            { key: fresh, payload: payloadOf(makeBytes(500, 'fresh')) },
          ],
          { mode: 'create' },
        );
        assert.deepEqual(results.map(codeOf), ['store.exists', 'store.corrupt', undefined]);
        const refs = [absent, standing, wrong, fresh].map((key) => refOf(key, driver().locate(key)));
        assert.deepEqual((await bulk.get(refs)).map(codeOf), [
          'store.not-found',
          undefined,
          'store.not-found',
          undefined,
        ]);
        const heads = await bulk.head(refs);
        assert.deepEqual(
          heads.map((head) => head.ok && head.value?.sizeBytes),
          [undefined, 14, undefined, 500],
        );
      }));

    test('replace as single ones do', () =>
      withBulk(async (bulk) => {
        const keys = [makeKey(), makeKey()];
        for (const version of ['first', 'second one']) {
          const items = keys.map((key) => ({ key, payload: payloadOf(textBytes(`${version} ${key.archiveId}`)) }));
          assert.ok((await bulk.put(items, { mode: 'replace' })).every((result) => result.ok));
          for (const { key, payload } of items) {
            assert.equal(md5Of(await readBytes(await driver().get(refOf(key, driver().locate(key))))), payload.md5);
          }
        }
      }));

    test('do nothing with nothing', () =>
      withBulk(async (bulk) => {
        assert.deepEqual(await bulk.get([]), []);
        assert.deepEqual(await bulk.head([]), []);
        assert.deepEqual(await bulk.put([], { mode: 'create' }), []);
      }));

    test('give the same answer for the same object named twice', () =>
      withBulk(async (bulk) => {
        const key = makeKey();
        await driver().put(key, payloadOf(textBytes('twice')), { mode: 'create' });
        const ref = refOf(key, driver().locate(key));
        const read = await bulk.get([ref, ref]);
        assert.deepEqual(
          read.map((result) => result.ok && md5Of(result.value)),
          [md5Of(textBytes('twice')), md5Of(textBytes('twice'))],
        );
        assert.ok((await bulk.head([ref, ref])).every((result) => result.ok && result.value?.sizeBytes === 5));
      }));
  });
};
