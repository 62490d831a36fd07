import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Payload } from '../../drivers/contract.ts';
import { checkJsonDocument } from './json-document.ts';

/** The same text in memory, and as a stream that is cut at any byte. */
const payloads = (bytes: Uint8Array, chunkBytes: number): readonly Payload[] => {
  const open = async function* (): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, start + chunkBytes);
  };
  const common = { sizeBytes: bytes.length, md5: '', open };
  return [{ ...common, bytes }, common];
};

const isTaken = async (text: string | Uint8Array, chunkBytes = 3): Promise<readonly boolean[]> =>
  Promise.all(
    payloads(typeof text === 'string' ? new TextEncoder().encode(text) : text, chunkBytes).map((payload) =>
      checkJsonDocument(payload).then(
        () => true,
        (error: unknown) => {
          assert.equal((error as { code?: string }).code, 'request.invalid', String(error));
          return false;
        },
      ),
    ),
  );

test('documents are told from everything else, in memory and as a stream', async () => {
  for (const good of [
    '{"document":1}',
    ' {"document" : {"document": [1, {"a": null}], "b": "}"}} \n',
    '{"document":"ü\\u0000"}',
  ])
    assert.deepEqual(await isTaken(good), [true, true], good);
  for (const bad of [
    '',
    '1',
    'null',
    '""',
    '[]',
    '["document", 1]',
    '{}',
    '{"document"}',
    '{"document": }',
    '{"document": 1',
    '{"document": 1}}',
    '{"document": 1} {}',
    '{"document": 1,}',
    '{"document": 1, "more": 2}',
    '{"more": 2, "document": 1}',
    '{"other": {"document": 1}}',
    '{"document": 01}',
    '{"document": nul}',
    "{'document': 1}",
    '\uFEFF{"document": 1}',
  ])
    assert.deepEqual(await isTaken(bad), [false, false], bad);
  assert.deepEqual(await isTaken(Buffer.from('{"document":"\xff"}', 'latin1')), [false, false], 'not UTF-8');
});

test('any JSON value is a document, wherever the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.integer({ min: 1, max: 20 }), async (value, chunkBytes) => {
      assert.deepEqual(await isTaken(JSON.stringify({ document: value }), chunkBytes), [true, true]);
      assert.deepEqual(await isTaken(JSON.stringify([value]), chunkBytes), [false, false]);
    }),
    { numRuns: 100, seed: Number(process.env['TEST_SEED'] ?? 7) },
  );
});
