import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Driver, ObjectRef } from '../contract.ts';
import { KEYS, makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf, textBytes } from './samples.ts';
import type { OpenSubject } from './subject.ts';

/** Copies by the store itself, for drivers that have them; for others these pass as they are. */
export const copyingCases = ({ driver, quirks }: OpenSubject): void => {
  type Copying = Driver & Required<Pick<Driver, 'copyWithin'>>;
  const withCopies = async (work: (driver: Copying) => Promise<void>): Promise<void> => {
    const opened = driver();
    if (opened.copyWithin !== undefined && quirks.copiesUnchecked !== true) await work(opened as Copying);
  };
  const put = async (bytes: Uint8Array, key = makeKey()): Promise<ObjectRef> => {
    const { url } = await driver().put(key, payloadOf(bytes), { mode: 'create' });
    return refOf(key, url);
  };
  const read = async (ref: ObjectRef): Promise<string> => md5Of(await readBytes(await driver().get(ref)));
  const expectedOf = (bytes: Uint8Array) => ({ md5: md5Of(bytes), sizeBytes: bytes.length });

  describe('copying within the store, where it can', () => {
    test('a store that does not compare what it copies is not asked to', async () => {
      if (driver().copyWithin === undefined || quirks.copiesUnchecked !== true) return;
      const bytes = textBytes('copied through here');
      const [source, key] = [await put(bytes), makeKey()];
      await assert.rejects(async () => driver().copyWithin?.(source, key, expectedOf(bytes)), { code: 'store.failed' });
      assert.equal(await driver().head(refOf(key, driver().locate(key))), undefined);
    });

    test('an object whose MD5 the store knows is copied, and the answer proves it or says nothing', () =>
      withCopies(async (store) => {
        for (const bytes of [textBytes('{"document": 1}'), makeBytes(300_000, 'copied'), new Uint8Array(0)]) {
          const source = await put(bytes);
          const key = makeKey();
          const copying = store.copyWithin(source, key, expectedOf(bytes));
          if ((await store.head(source))?.md5 === undefined) {
            await assert.rejects(copying, { code: 'store.failed' });
            assert.equal(await store.head(refOf(key, store.locate(key))), undefined);
            continue;
          }
          const receipt = await copying;
          assert.equal(receipt.url, store.locate(key));
          assert.equal(receipt.md5 ?? md5Of(bytes), md5Of(bytes));
          assert.equal(await read(refOf(key, receipt.url)), md5Of(bytes));
          assert.equal((await store.head(refOf(key, receipt.url)))?.sizeBytes, bytes.length);
          assert.equal(await read(source), md5Of(bytes));
        }
      }));

    test('keys are copied exactly', () =>
      withCopies(async (store) => {
        const names = Object.keys(KEYS).filter((name) => quirks.refusedKeys?.[name] === undefined);
        for (const name of names) {
          const archiveId = KEYS[name] ?? '';
          const bytes = textBytes(name);
          const source = await put(bytes, makeKey(archiveId, 'copied-from'));
          const key = makeKey(archiveId, 'copied-to');
          const { url } = await store.copyWithin(source, key, expectedOf(bytes));
          const copy = refOf(key, url);
          assert.equal(await read(copy), md5Of(bytes), name);
          await store.delete([source, copy].map((ref) => ({ ref, md5: md5Of(bytes) })));
        }
      }));

    test('an object with another MD5 is not, and what stood at the destination stays', () =>
      withCopies(async (store) => {
        const source = await put(textBytes('what has come to be there'));
        const expected = expectedOf(textBytes('what was expected there'));
        const [standing, absent] = [await put(textBytes('stands')), makeKey()];
        for (const key of [standing.key, absent]) {
          await assert.rejects(store.copyWithin(source, key, expected), { code: 'store.failed' });
        }
        assert.equal(await read(standing), md5Of(textBytes('stands')));
        assert.equal(await store.head(refOf(absent, store.locate(absent))), undefined);
      }));

    test('a source that is absent is not found', () =>
      withCopies(async (store) => {
        const [from, to] = [makeKey(), makeKey()];
        const source = refOf(from, store.locate(from));
        await assert.rejects(store.copyWithin(source, to, expectedOf(textBytes('x'))), { code: 'store.not-found' });
        assert.equal(await store.head(refOf(to, store.locate(to))), undefined);
      }));

    test('what stood at the destination is replaced, and an object is never copied onto itself', () =>
      withCopies(async (store) => {
        const bytes = textBytes('new');
        const [source, before] = [await put(bytes), await put(textBytes('old'))];
        await store.copyWithin(source, before.key, expectedOf(bytes));
        assert.equal(await read(before), md5Of(bytes));
        await assert.rejects(store.copyWithin(source, source.key, expectedOf(bytes)), { code: 'store.exists' });
        assert.equal(await read(source), md5Of(bytes));
      }));

    test('a copy whose signal has fired does nothing', () =>
      withCopies(async (store) => {
        const bytes = textBytes('stays where it is');
        const [source, key] = [await put(bytes), makeKey()];
        const signal = AbortSignal.abort(new Error('stopped'));
        await assert.rejects(store.copyWithin(source, key, expectedOf(bytes), signal));
        assert.equal(await store.head(refOf(key, store.locate(key))), undefined);
      }));
  });
};
