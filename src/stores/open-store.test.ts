import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDocument, putDocument } from '../archive/archive.ts';
import { ensureAnchoreTables } from '../database/schema/anchore-tables.ts';
import { openTestDatabase } from '../../test/support/each-database.ts';
import { type OpenStoreOptions, openStore, type StoreSettings } from './open-store.ts';

const OPTIONS: OpenStoreOptions = {
  environment: {},
  prepare: true,
  reliability: {},
  signal: new AbortController().signal,
};
const KEY = { userId: 'admin', bucket: 'b', archiveId: 'a', documentName: 'a.json' };

test('a store is guarded before it is touched, created, and opened with its codec and identity', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'test-open-store-'));
  const root = join(folder, 'archive');
  const settings: StoreSettings = {
    driver: {
      name: 'localfs',
      options: { archiveDataDir: root, owner: undefined, fileMode: undefined, folderMode: undefined },
    },
    compression: { enabled: true, minSizeKbytes: 0 },
  };
  try {
    await using opened = await openTestDatabase('postgres');
    const { db } = opened;
    await ensureAnchoreTables(db);
    const guard = (): Promise<void> => Promise.reject(new Error('the wrong store'));
    await assert.rejects(openStore(db, settings, { ...OPTIONS, guard }), /the wrong store/);
    assert.equal(existsSync(root), false);

    await using made = await openStore(db, settings, { ...OPTIONS, guard: () => Promise.resolve() });
    assert.equal(existsSync(root), true);
    assert.equal(made.store.identity.driver, 'localfs');
    assert.deepEqual(made.store.codec, settings.compression);
    await putDocument(db, made.store, KEY, Buffer.from('x'.repeat(2000)));
    assert.equal((await findDocument(db, made.store, KEY))?.length, 2000);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
