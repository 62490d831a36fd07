import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBytes, makeKey, payloadOf, refOf, textBytes } from './samples.ts';
import type { OpenSubject } from './subject.ts';

/** How long a store whose listings are not strong may take until they are complete. */
const PATIENCE_MS = 20_000;

export const listingCases = ({ driver }: OpenSubject): void => {
  const list = async (): Promise<ReadonlyMap<string, number>> => {
    const found = new Map<string, number>();
    for await (const { url, sizeBytes } of driver().list()) {
      assert.equal(found.has(url), false, `${url} is listed twice`);
      found.set(url, sizeBytes);
    }
    return found;
  };

  describe('listing and describing', () => {
    test('every object is listed with its size, and nothing else', async () => {
      const before = await list();
      const expected = new Map(before);
      const keys = Array.from({ length: 12 }, () => makeKey(undefined, 'listed'));
      for (const [index, key] of keys.entries()) {
        const bytes = index % 2 === 0 ? textBytes('ü'.repeat(index)) : makeBytes(index * 100, 'listed');
        const { url } = await driver().put(key, payloadOf(bytes), { mode: 'create' });
        expected.set(url, bytes.length);
      }
      const sorted = (map: ReadonlyMap<string, number>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
      let now = await list();
      const deadline = Date.now() + (driver().capabilities.strongListing ? 0 : PATIENCE_MS);
      while (now.size !== expected.size && Date.now() < deadline) {
        await sleep(200);
        now = await list();
      }
      assert.deepEqual(sorted(now), sorted(expected));
      await driver().delete(keys.map((key) => ({ ref: refOf(key, driver().locate(key)), md5: undefined })));
    });

    test('a listing can be broken off', async () => {
      const keys = [makeKey(), makeKey()];
      for (const key of keys) await driver().put(key, payloadOf(textBytes('x')), { mode: 'create' });
      for (let round = 0; round < 12; round += 1) {
        for await (const object of driver().list()) {
          assert.ok(object.url);
          break;
        }
      }
    });

    test('it says the same of itself each time, without secrets', async () => {
      const [one, two] = [await driver().identify(), await driver().identify()];
      assert.deepEqual(one, two);
      assert.equal(one.driver, driver().name);
      for (const text of [one.fingerprint, one.namespace, one.description]) assert.notEqual(text, '');
    });

    test('preparing again changes nothing', async () => {
      const key = makeKey();
      await driver().put(key, payloadOf(textBytes('stays')), { mode: 'create' });
      await driver().prepare();
      assert.equal((await driver().head(refOf(key, driver().locate(key))))?.sizeBytes, 5);
    });

    test('its conditions are errors for a person', async () => {
      for (const condition of await driver().inspect()) assert.notEqual(condition.error.message, '');
    });

    test('its capabilities make sense', () => {
      const { concurrency, maxPayloadBytes } = driver().capabilities;
      assert.ok(Number.isInteger(concurrency) && concurrency > 0);
      assert.ok(maxPayloadBytes > 0);
      const { bulk } = driver();
      if (bulk !== undefined) assert.ok(bulk.maxItems > 0 && bulk.maxBytes > 0);
    });
  });
};
