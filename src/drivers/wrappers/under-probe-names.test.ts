import assert from 'node:assert/strict';
import { test } from 'node:test';
import { payloadOf } from '../../archive/payload.ts';
import type { DocumentKey } from '../contract.ts';
import { openMemoryDriver } from '../memory/driver.ts';
import { hasProbes, MAX_PROBES, ProbeDriver, removeProbes } from './under-probe-names.ts';

const keyOf = (number: number): DocumentKey => ({
  userId: 'admin',
  bucket: 'analysis_data',
  archiveId: `a${number}`,
  documentName: `a${number}.json`,
});

test('documents lie under names of our own, each under another, and go with them alone', async () => {
  await using driver = openMemoryDriver({ space: 'under-probe-names' });
  const own = await driver.put(keyOf(1), payloadOf(Buffer.from('a document')), { mode: 'create' });
  const probing = new ProbeDriver(driver);
  assert.equal(await hasProbes(driver), false);
  for (const number of [1, 2, 3]) {
    const { url } = await probing.put(keyOf(number), payloadOf(Buffer.from(`trial ${number}`)), { mode: 'create' });
    assert.equal(url, probing.locate(keyOf(number)));
    assert.notEqual(url, driver.locate(keyOf(number)));
    const object = await probing.get({ key: keyOf(number), url });
    assert.equal(Buffer.concat(await Array.fromAsync(object.chunks)).toString(), `trial ${number}`);
  }
  await assert.rejects(probing.put(keyOf(2), payloadOf(Buffer.from('again')), { mode: 'create' }), {
    code: 'store.exists',
  });
  assert.deepEqual([probing.used, await hasProbes(driver)], [3, true]);
  await removeProbes(driver, MAX_PROBES);
  const left = await Array.fromAsync(driver.list());
  assert.deepEqual(
    left.map(({ url }) => url),
    [own.url],
  );
});
