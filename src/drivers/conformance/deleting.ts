import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeleteItem, DocumentKey } from '../contract.ts';
import { makeBytes, makeKey, md5Of, payloadOf, refOf, textBytes } from './samples.ts';
import type { OpenSubject } from './subject.ts';

export const deletingCases = ({ driver }: OpenSubject): void => {
  const put = async (bytes: Uint8Array, key = makeKey()): Promise<DeleteItem> => {
    const { url } = await driver().put(key, payloadOf(bytes), { mode: 'create' });
    return { ref: refOf(key, url), md5: md5Of(bytes) };
  };
  /** What became of each; how many requests it took is the retry wrapper's to say. */
  const deleteThem = async (items: readonly DeleteItem[]): Promise<readonly { readonly outcome: string }[]> =>
    (await driver().delete(items)).map(({ outcome }) => ({ outcome }));
  const stands = async (item: DeleteItem): Promise<boolean> => (await driver().head(item.ref)) !== undefined;

  describe('deleting', () => {
    test('without an MD5 whatever is there goes', async () => {
      const item = await put(makeBytes(100, 'any'));
      assert.deepEqual(await deleteThem([{ ref: item.ref, md5: undefined }]), [{ outcome: 'deleted' }]);
      assert.equal(await stands(item), false);
    });

    test('with an MD5 only those bytes go', async () => {
      for (const bytes of [textBytes('text'), makeBytes(100_000, 'binary'), new Uint8Array(0)]) {
        const item = await put(bytes);
        const other = { ref: item.ref, md5: md5Of(textBytes('other bytes')) };
        assert.deepEqual(await deleteThem([other]), [{ outcome: 'changed' }]);
        assert.equal(await stands(item), true);
        assert.deepEqual(await deleteThem([item]), [{ outcome: 'deleted' }]);
        assert.equal(await stands(item), false);
      }
    });

    test('what is absent is said to be absent, also the second time', async () => {
      const item = await put(textBytes('for a short time'));
      assert.deepEqual(await deleteThem([item]), [{ outcome: 'deleted' }]);
      assert.deepEqual(await deleteThem([item]), [{ outcome: 'absent' }]);
      const key = makeKey();
      const ref = refOf(key, driver().locate(key));
      assert.deepEqual(await deleteThem([{ ref, md5: undefined }]), [{ outcome: 'absent' }]);
    });

    test('nothing to delete is no error', async () => {
      assert.deepEqual(await deleteThem([]), []);
    });

    test('many at once are answered in their order', async () => {
      const items: DeleteItem[] = [];
      const expected: { outcome: string }[] = [];
      for (let index = 0; index < 24; index += 1) {
        if (index % 3 === 2) {
          const key: DocumentKey = makeKey();
          items.push({ ref: refOf(key, driver().locate(key)), md5: md5Of(textBytes('never written')) });
          expected.push({ outcome: 'absent' });
          continue;
        }
        const item = await put(textBytes(`document ${index}`));
        const changed = index % 3 === 1;
        items.push(changed ? { ref: item.ref, md5: md5Of(textBytes('other')) } : item);
        expected.push({ outcome: changed ? 'changed' : 'deleted' });
      }
      assert.deepEqual(await deleteThem(items), expected);
      for (const [index, item] of items.entries())
        assert.equal(await stands(item), expected[index]?.outcome === 'changed');
    });

    test('a neighbour whose key begins alike stays', async () => {
      const short = await put(textBytes('short'), makeKey('neighbour'));
      const long = await put(textBytes('long'), makeKey('neighbour-2'));
      assert.deepEqual(await deleteThem([short]), [{ outcome: 'deleted' }]);
      assert.equal(await stands(long), true);
      await deleteThem([long]);
    });

    test('a deleted key can be created again', async () => {
      const key = makeKey();
      const first = await put(textBytes('first life'), key);
      await deleteThem([first]);
      const second = await put(textBytes('second life'), key);
      assert.equal(await stands(second), true);
    });
  });
};
