import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAppError } from '../../core/errors.ts';
import type { DocumentKey } from '../contract.ts';
import { KEYS, makeKey, md5Of, payloadOf, readBytes, refOf, textBytes } from './samples.ts';
import type { OpenSubject } from './subject.ts';

const LENGTHS = [200, 255, 256, 400, 700];
const ELSEWHERE = 'conformance-elsewhere';

export const keyCases = ({ driver, quirks }: OpenSubject): void => {
  const bytesFor = (key: DocumentKey): Uint8Array => textBytes(`the document of ${JSON.stringify(key)}`);
  const holds = async (key: DocumentKey): Promise<void> => {
    const bytes = bytesFor(key);
    const { url } = await driver().put(key, payloadOf(bytes), { mode: 'create' });
    assert.ok(driver().recognises(url));
    assert.equal(md5Of(await readBytes(await driver().get(refOf(key, url)))), md5Of(bytes));
  };
  const refuses = (key: DocumentKey, code: string): Promise<void> =>
    assert.rejects(async () => driver().put(key, payloadOf(bytesFor(key)), { mode: 'create' }), { code });
  const remove = async (keys: readonly DocumentKey[]): Promise<void> => {
    await driver().delete(keys.map((key) => ({ ref: refOf(key, driver().locate(key)), md5: undefined })));
  };

  describe('keys', () => {
    for (const [name, archiveId] of Object.entries(KEYS)) {
      const refused = quirks.refusedKeys?.[name];
      test(`${name}: ${refused === undefined ? 'held exactly' : `refused with ${refused}`}`, async () => {
        const key = makeKey(archiveId, 'keys');
        if (refused !== undefined) return refuses(key, refused);
        await holds(key);
        await remove([key]);
      });
    }

    test('keys that look alike are different objects', async () => {
      const alike = Object.keys(KEYS).filter((name) => quirks.refusedKeys?.[name] === undefined);
      const merged = new Set((quirks.equalKeys ?? []).flatMap((group) => group.slice(1)));
      const keys = alike.filter((name) => !merged.has(name)).map((name) => makeKey(KEYS[name], 'alike'));
      for (const key of keys) await driver().put(key, payloadOf(bytesFor(key)), { mode: 'create' });
      for (const key of keys) {
        const read = await readBytes(await driver().get(refOf(key, driver().locate(key))));
        assert.equal(md5Of(read), md5Of(bytesFor(key)));
      }
      assert.equal(new Set(keys.map((key) => driver().objectId(refOf(key, driver().locate(key))))).size, keys.length);
      await remove(keys);
    });

    test('users and buckets are kept apart', async () => {
      const base = makeKey('kept-apart');
      const keys = [
        base,
        { ...base, userId: 'other' },
        { ...base, bucket: 'other' },
        { ...base, userId: 'Üser one@x' },
      ];
      for (const key of keys) await holds(key);
      await remove(keys);
    });

    test('long keys are held as far as the store can', async () => {
      for (const length of LENGTHS) {
        const key = makeKey('k'.repeat(length));
        if (length > (quirks.maxArchiveIdLength ?? Number.POSITIVE_INFINITY)) {
          await assert.rejects(
            async () => driver().put(key, payloadOf(bytesFor(key)), { mode: 'create' }),
            (error) => isAppError(error),
          );
          continue;
        }
        await holds(key);
        await remove([key]);
      }
    });

    test('bucket names that lead elsewhere do no harm', async () => {
      for (const bucket of [`../${ELSEWHERE}`, 'a/b', '..', '.']) {
        const key = makeKey('harmless', bucket);
        if (quirks.unsafeBucket !== undefined && quirks.heldBuckets?.includes(bucket) !== true) {
          await refuses(key, quirks.unsafeBucket);
        } else {
          await holds(key);
          await remove([key]);
        }
      }
    });

    test('the same URL is the same object, another one is not', () => {
      const [one, two] = [makeKey(), makeKey()];
      const id = driver().objectId(refOf(one, driver().locate(one)));
      assert.equal(driver().objectId(refOf({ ...one }, driver().locate(one))), id);
      assert.notEqual(driver().objectId(refOf(two, driver().locate(two))), id);
    });

    test('the URLs of other drivers are not recognised', () => {
      const own = new URL(driver().locate(makeKey())).protocol;
      const urls = [
        'db://admin/b/k',
        'db2://admin/b/k',
        'file:///a/b/c/d.json',
        's3://a/b/c/k',
        'swift://a/b/c/k',
        'memory://admin/b/k',
      ];
      for (const url of urls) assert.equal(driver().recognises(url), url.startsWith(own), url);
      for (const url of ['', 'nonsense', 'http://a/b/c/d', `${own.slice(0, -1)}x://a/b/c`]) {
        assert.equal(driver().recognises(url), false, url);
      }
    });
  });
};
