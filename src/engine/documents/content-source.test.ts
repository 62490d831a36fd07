import assert from 'node:assert/strict';
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decompress, readAll } from '../../archive/codec.ts';
import { type ContentSource, receiveContent } from './content-source.ts';
import { DocumentMemory } from './document-memory.ts';

/** Files of the folder that this process has open, though they have no name. */
const countHidden = async (folder: string): Promise<number> => {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => '')),
  );
  return links.filter((link) => link.startsWith(folder)).length;
};

const receive = (folder: string, sizeBytes: number, memory: DocumentMemory): Promise<ContentSource> =>
  receiveContent(
    (async function* () {
      yield Buffer.alloc(sizeBytes, 'ab');
    })(),
    { limitBytes: 1e9, announcedBytes: sizeBytes, folder, memory },
  );

test('content is compressed once, however often its writer tries again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'test-content-'));
  try {
    for (const [sizeBytes, files] of [
      [1000, 0],
      [2_000_000, 2],
    ] as const) {
      {
        await using source = await receive(folder, sizeBytes, new DocumentMemory(1e9));
        const payloads = await Promise.all(Array.from({ length: 20 }, () => source.encode(true)));
        payloads.push(await source.encode(true));
        assert.equal(new Set(payloads).size, 1);
        assert.equal(await countHidden(folder), files);
        const [payload] = payloads;
        const bytes = payload && (await readAll(payload.open(), 1e7));
        assert.deepEqual(bytes && (await decompress(bytes)), Buffer.alloc(sizeBytes, 'ab'));
      }
      assert.equal(await countHidden(folder), 0);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('where bodies take all the memory that there is for them, the next goes to a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'test-content-'));
  try {
    const memory = new DocumentMemory(4000);
    {
      await using first = await receive(folder, 700, memory);
      await using second = await receive(folder, 700, memory);
      assert.equal(await countHidden(folder), 1);
      for (const each of [first, second])
        assert.deepEqual(await readAll((await each.encode(false)).open(), 1e7), Buffer.alloc(700, 'ab'));
    }
    await using _ = await receive(folder, 700, memory);
    assert.equal(await countHidden(folder), 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
