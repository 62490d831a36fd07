import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeBytes, makeKey, md5Of, payloadOf, readBytes, refOf, streamOf } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';
import { MemorySpaces, openMemoryDriver } from '../memory/driver.ts';
import { faultsFromSeed, faultsInTurn, type FaultyCall, type PlannedFault } from './faults.ts';
import { injectFaults } from './inject-faults.ts';

const BYTES = makeBytes(150_000, 'faults');

const open = (...faults: readonly PlannedFault[]): { readonly driver: Driver; readonly plain: Driver } => {
  const plain = openMemoryDriver({ space: 'faults' }, new MemorySpaces());
  return { plain, driver: injectFaults(plain, faultsInTurn(...faults)) };
};

describe('injected faults', () => {
  test('before and after the effect', async () => {
    const { driver } = open(
      { on: 'put', fault: { kind: 'error', when: 'before', code: 'store.full' } },
      { on: 'put', fault: { kind: 'error', when: 'after', code: 'store.busy' } },
    );
    const [never, stored] = [makeKey(), makeKey()];
    await assert.rejects(driver.put(never, payloadOf(BYTES), { mode: 'create' }), { code: 'store.full' });
    await assert.rejects(driver.put(stored, payloadOf(BYTES), { mode: 'create' }), { code: 'store.busy' });
    assert.equal(await driver.head(refOf(never, driver.locate(never))), undefined);
    assert.equal((await driver.head(refOf(stored, driver.locate(stored))))?.sizeBytes, BYTES.length);
  });

  test('damage on the way to the store is stored without an error', async () => {
    const flip = { on: 'put', fault: { kind: 'flip', atByte: 100_000 } } as const;
    const cut = { on: 'put', fault: { kind: 'truncate', keepBytes: 99_999 } } as const;
    const { driver, plain } = open(flip, cut);
    for (const expectedBytes of [BYTES.length, 99_999]) {
      const key = makeKey();
      const receipt = await driver.put(key, streamOf(BYTES), { mode: 'create' });
      assert.notEqual(receipt.md5, md5Of(BYTES));
      const held = await readBytes(await plain.get(refOf(key, receipt.url)));
      assert.equal(held.length, expectedBytes);
      assert.notEqual(md5Of(held), md5Of(BYTES));
    }
  });

  test('damage on the way from the store leaves what is stored', async () => {
    const { driver } = open(
      { on: 'get', fault: { kind: 'flip', atByte: 149_999 } },
      { on: 'get', fault: { kind: 'truncate', keepBytes: 70_000 } },
      { on: 'get', fault: { kind: 'break', afterBytes: 70_000, code: 'store.unreachable' } },
    );
    const key = makeKey();
    const ref = refOf(key, (await driver.put(key, payloadOf(BYTES), { mode: 'create' })).url);
    const read = async (): Promise<Uint8Array> => readBytes(await driver.get(ref));
    const flipped = await read();
    assert.equal(flipped.length, BYTES.length);
    assert.equal(
      flipped.findIndex((byte, index) => byte !== BYTES[index]),
      149_999,
    );
    assert.equal((await read()).length, 70_000);
    await assert.rejects(read(), { code: 'store.unreachable' });
    assert.equal(md5Of(await read()), md5Of(BYTES));
  });

  test('in bulk the first object is damaged', async () => {
    const { driver, plain } = open(
      { on: 'bulk.put', fault: { kind: 'flip', atByte: 0 } },
      { on: 'bulk.get', fault: { kind: 'truncate', keepBytes: 5 } },
    );
    const items = [makeKey(), makeKey()].map((key) => ({ key, payload: payloadOf(BYTES) }));
    assert.ok((await driver.bulk?.put(items, { mode: 'create' }))?.every((result) => result.ok));
    const refs = items.map(({ key }) => refOf(key, driver.locate(key)));
    const digests = await Promise.all(
      refs.map(async (ref) => md5Of(await readBytes(await plain.get(ref))) === md5Of(BYTES)),
    );
    assert.deepEqual(digests, [false, true]);
    const read = await driver.bulk?.get(refs);
    assert.deepEqual(
      read?.map((result) => result.ok && result.value.length),
      [5, BYTES.length],
    );
  });

  test('a seed gives the same faults in the same order', () => {
    const call = (index: number): FaultyCall => ({ operation: 'put', subject: 'x', index, operationIndex: index });
    const draw = (seed: number): string => {
      const fault = { kind: 'error', when: 'before', code: 'store.busy' } as const;
      const script = faultsFromSeed(seed, [{ rate: 0.3, fault }]);
      return Array.from({ length: 200 }, (_, index) => (script(call(index)) === undefined ? '.' : 'x')).join('');
    };
    assert.equal(draw(1), draw(1));
    assert.notEqual(draw(1), draw(2));
    const share = draw(3).split('x').length - 1;
    assert.ok(share > 30 && share < 90, `${share} of 200`);
  });
});
