import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAppError } from '../../core/errors.ts';
import type { Driver, DocumentKey, Payload } from '../contract.ts';
import {
  makeBytes,
  makeContents,
  makeKey,
  md5Of,
  payloadOf,
  readBytes,
  refOf,
  streamOf,
  textBytes,
} from './samples.ts';
import type { OpenSubject } from './subject.ts';

const LARGE_BYTES = 5 * 1024 * 1024;

/** The document reads back exactly, and what the store says of it is right or unsaid. */
const assertHolds = async (driver: Driver, key: DocumentKey, bytes: Uint8Array): Promise<void> => {
  const ref = refOf(key, driver.locate(key));
  const object = await driver.get(ref);
  const read = await readBytes(object);
  assert.equal(md5Of(read), md5Of(bytes));
  assert.equal(read.length, bytes.length);
  assert.equal(object.sizeBytes ?? bytes.length, bytes.length);
  const info = await driver.head(ref);
  assert.equal(info?.sizeBytes, bytes.length);
  assert.equal(info?.md5 ?? md5Of(bytes), md5Of(bytes));
};

const assertAbsent = async (driver: Driver, key: DocumentKey): Promise<void> => {
  const ref = refOf(key, driver.locate(key));
  assert.equal(await driver.head(ref), undefined);
  await assert.rejects(async () => readBytes(await driver.get(ref)), { code: 'store.not-found' });
};

export const readingAndWritingCases = ({ driver, quirks }: OpenSubject): void => {
  describe('reading and writing', () => {
    for (const [name, bytes] of Object.entries(makeContents())) {
      test(`${name} reads back as it was written`, async () => {
        const key = makeKey();
        const receipt = await driver().put(key, payloadOf(bytes), { mode: 'create' });
        assert.equal(receipt.url, driver().locate(key));
        assert.equal(receipt.md5 ?? md5Of(bytes), md5Of(bytes));
        assert.equal(receipt.sizeBytes ?? bytes.length, bytes.length);
        await assertHolds(driver(), key, bytes);
      });
    }

    test('a large stream reads back as it was written', async () => {
      const bytes = makeBytes(quirks.largeBytes ?? LARGE_BYTES, 'large');
      const key = makeKey();
      await driver().put(key, streamOf(bytes), { mode: 'create' });
      await assertHolds(driver(), key, bytes);
    });

    test('a stream of text reads back as it was written, wherever its characters are cut', async () => {
      const bytes = textBytes('😀ü'.repeat(30_000));
      const key = makeKey();
      await driver().put(key, streamOf(bytes), { mode: 'create' });
      await assertHolds(driver(), key, bytes);
    });

    test('an empty stream is an empty object', async () => {
      const key = makeKey();
      await driver().put(key, streamOf(new Uint8Array(0)), { mode: 'create' });
      await assertHolds(driver(), key, new Uint8Array(0));
    });

    test('what is absent is not found', async () => {
      await assertAbsent(driver(), makeKey());
      await assertAbsent(driver(), makeKey(undefined, 'no_such_bucket'));
    });

    test('create leaves what stands there already', async () => {
      const key = makeKey();
      const bytes = textBytes('the first');
      await driver().put(key, payloadOf(bytes), { mode: 'create' });
      for (const payload of [
        payloadOf(textBytes('the second')),
        streamOf(makeBytes(100_000, 'second')),
        payloadOf(bytes),
      ]) {
        await assert.rejects(driver().put(key, payload, { mode: 'create' }), { code: 'store.exists' });
        await assertHolds(driver(), key, bytes);
      }
    });

    test('replace puts the new object in the place of the old one', async () => {
      const key = makeKey();
      for (const bytes of [
        textBytes('the first, and longest'),
        makeBytes(40, 'binary'),
        textBytes('third'),
        new Uint8Array(0),
      ]) {
        await driver().put(key, payloadOf(bytes), { mode: 'replace' });
        await assertHolds(driver(), key, bytes);
      }
    });

    const good = makeBytes(200_000, 'good');
    const lies: Readonly<Record<string, Payload>> = {
      'bytes that differ from their MD5': payloadOf(good, md5Of(textBytes('other'))),
      'text that differs from its MD5': payloadOf(textBytes('some text'), md5Of(textBytes('other'))),
      'a stream that differs from its MD5': streamOf(good, { md5: md5Of(textBytes('other')) }),
      'a stream that ends early': streamOf(good.subarray(0, 150_000), { sizeBytes: good.length, md5: md5Of(good) }),
      'a stream that is too long': streamOf(good, { sizeBytes: 150_000, md5: md5Of(good.subarray(0, 150_000)) }),
      'an empty stream instead of bytes': streamOf(new Uint8Array(0), {
        sizeBytes: 10,
        md5: md5Of(textBytes('0123456789')),
      }),
    };
    for (const [name, payload] of Object.entries(lies)) {
      test(`${name} are refused, and nothing is kept`, async () => {
        const created = makeKey();
        await assert.rejects(driver().put(created, payload, { mode: 'create' }), { code: 'store.corrupt' });
        await assertAbsent(driver(), created);

        const replaced = makeKey();
        const before = textBytes('what stood there');
        await driver().put(replaced, payloadOf(before), { mode: 'create' });
        await assert.rejects(driver().put(replaced, payload, { mode: 'replace' }), { code: 'store.corrupt' });
        await assertHolds(driver(), replaced, before);
      });
    }

    test('an error of the payload itself comes out as it is, and nothing is kept', async () => {
      const key = makeKey();
      const payload: Payload = {
        ...streamOf(good),
        open: async function* () {
          yield good.subarray(0, 100_000);
          throw new RangeError('the source broke off');
        },
      };
      await assert.rejects(driver().put(key, payload, { mode: 'create' }), RangeError);
      await assertAbsent(driver(), key);
    });

    test('of several creations of one key at once exactly one wins', async () => {
      const key = makeKey();
      const contents = Array.from({ length: 5 }, (_, index) => makeBytes(20_000, `rival ${index}`));
      const results = await Promise.allSettled(
        contents.map((bytes) => driver().put(key, payloadOf(bytes), { mode: 'create' })),
      );
      const winners = contents.filter((_, index) => results[index]?.status === 'fulfilled');
      if (driver().capabilities.conditionalPut) assert.equal(winners.length, 1);
      assert.ok(winners.length > 0);
      for (const result of results) {
        if (result.status === 'rejected') assert.ok(isAppError(result.reason, 'store.exists'), String(result.reason));
      }
      const held = md5Of(await readBytes(await driver().get(refOf(key, driver().locate(key)))));
      assert.ok(winners.some((bytes) => md5Of(bytes) === held));
    });

    test('a reader sees the old or the new object while it is replaced', async () => {
      const key = makeKey();
      const versions = Array.from({ length: 6 }, (_, index) => makeBytes(150_000, `version ${index}`));
      const known = new Set(versions.map(md5Of));
      const [first, ...others] = versions;
      assert.ok(first);
      await driver().put(key, payloadOf(first), { mode: 'create' });
      const ref = refOf(key, driver().locate(key));
      const writing = (async () => {
        for (const bytes of others) await driver().put(key, payloadOf(bytes), { mode: 'replace' });
      })();
      for (let reads = 0; reads < 12; reads += 1) {
        assert.ok(known.has(md5Of(await readBytes(await driver().get(ref)))));
      }
      await writing;
    });
  });
};
