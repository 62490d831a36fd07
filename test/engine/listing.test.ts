import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Engine } from '../../src/engine/start-engine.ts';
import { createPlace, type EnginePlace, send, startIn, urlOf } from './engine-harness.ts';

interface Page {
  readonly documents: readonly { readonly bucket: string; readonly archiveid: string; readonly size: number }[];
  readonly next: string | null;
}

describe('the list of documents', () => {
  let place: EnginePlace;
  let engine: Engine;
  const names = ['a', 'a/b', 'a b', 'é', '%41', '..'];

  const list = async (query: string): Promise<Page> => {
    const { status, json, text } = await send(urlOf(engine), 'GET', `/v1/objects${query}`);
    assert.equal(status, 200, text);
    return json as Page;
  };

  before(async () => {
    place = await createPlace();
    engine = await startIn(await place.configure());
    for (const [index, name] of names.slice(0, -1).entries())
      for (const bucket of ['one', 'two']) {
        const path = `/v1/objects/raw/${bucket}/${encodeURIComponent(name)}`;
        assert.equal((await send(urlOf(engine), 'POST', path, { body: 'x'.repeat(index) })).status, 200);
      }
    const metadata = `INSERT INTO archive_metadata (bucket, "archiveId", "userId", "documentName") VALUES`;
    await place.database.query(`${metadata} ('one', 'theirs', 'somebody', 'theirs.json')`);
    await place.database.query(`${metadata} ('one', '..', 'admin', '...json')`);
    await place.database.query(`${metadata} ('one', 'odd', 'admin', 'not-its-name')`);
  });
  after(async () => {
    await engine[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  test('holds what the account has, and nothing of others', async () => {
    const { documents, next } = await list('?bucket=one');
    assert.equal(next, null);
    assert.deepEqual(documents.map(({ archiveid }) => archiveid).toSorted(), names.toSorted());
    assert.equal(documents.find(({ archiveid }) => archiveid === 'a b')?.size, 2);
    const all = await list('');
    assert.deepEqual(new Set(all.documents.map(({ bucket }) => bucket)), new Set(['one', 'policy_bundles', 'two']));
  });

  test('comes in pages, each document once, whatever its name', async () => {
    const seen: string[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: Page = await list(`?limit=2${after === '' ? '' : `&after=${after}`}`);
      assert.ok(page.documents.length <= 2);
      seen.push(...page.documents.map(({ bucket, archiveid }) => JSON.stringify([bucket, archiveid])));
      after = page.next;
    }
    assert.equal(seen.length, new Set(seen).size);
    const whole = await list('');
    assert.deepEqual(
      seen,
      whole.documents.map(({ bucket, archiveid }) => JSON.stringify([bucket, archiveid])),
    );
  });

  test('refuses what no database can compare with', async () => {
    assert.equal((await send(urlOf(engine), 'GET', '/v1/objects?bucket=%00')).status, 400);
    const cursor = Buffer.from(JSON.stringify(['a', 'b\u0000'])).toString('base64url');
    assert.equal((await send(urlOf(engine), 'GET', `/v1/objects?after=${cursor}`)).status, 400);
  });
});
