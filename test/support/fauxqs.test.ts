import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFauxqs } from './fauxqs.ts';

test('the S3 server keeps objects, and lists every page of their keys', async () => {
  await using server = await startFauxqs();
  await server.createBucket('archive');
  const keys = Array.from({ length: 1001 }, (_, index) => `a&<b/${String(index).padStart(4, '0')}`);
  for (const key of keys) {
    const answer = await fetch(`${server.url}/archive/${key.split('/').map(encodeURIComponent).join('/')}`, {
      method: 'PUT',
      body: key,
    });
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
  }
  assert.deepEqual(await server.listKeys('archive'), keys);
  assert.equal(await (await fetch(`${server.url}/archive/a%26%3Cb/0007`)).text(), 'a&<b/0007');
});
