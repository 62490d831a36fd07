import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Payload } from '../../drivers/contract.ts';
import { checkJsonDocument } from './json-document.ts';
import { MAX_JSON_DEPTH } from './json-scanner.ts';

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
    '{"\\u0064ocument":[-0, 1.5e+3, 2E-1, 10, true, false, "\\"\\\\\\/\\b"]}',
    '{"document":[[],{},[{}],0]}',
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
    '{"document": 1, "document": 2}',
    '{"document": 01}',
    '{"document": -}',
    '{"document": 1.}',
    '{"document": .5}',
    '{"document": 1e}',
    '{"document": "\t"}',
    '{"document": "\\x"}',
    '{"document": "\\u12g4"}',
    '{"document": "unended}',
    '{"document": [1,]}',
    '{"document": [1}',
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

test('any text is taken exactly where JSON.parse takes it', async () => {
  const pieces = fc.constantFrom(
    ...'{}[]:,"\\u0123456789abcdef-+.eE tfn'.split(''),
    'true',
    'null',
    '"key"',
    '{"key":',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 12 }), async (parts) => {
      const text = `{"document":${parts.join('')}}`;
      let expected = true;
      try {
        expected = Object.keys(JSON.parse(text) as object).join() === 'document';
      } catch {
        expected = false;
      }
      assert.deepEqual(await isTaken(text, 1), [expected, expected], text);
    }),
    { numRuns: 2000, seed: Number(process.env['TEST_SEED'] ?? 7) },
  );
});

const nested = (depth: number): string => `{"document":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

test('what nests too deep is refused with the place, as soon as it does', async () => {
  assert.deepEqual(await isTaken(nested(MAX_JSON_DEPTH), 100), [true, true]);
  for (const payload of payloads(Buffer.from(nested(MAX_JSON_DEPTH + 1)), 100))
    await assert.rejects(checkJsonDocument(payload), {
      code: 'request.invalid',
      message: `expected at most 1000 brackets within each other; got another one at byte ${'{"document":'.length + MAX_JSON_DEPTH - 1}`,
    });
  let read = 0;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"document":');
    for (; ; read += 1) yield Buffer.alloc(65_536, '[');
  };
  await assert.rejects(checkJsonDocument({ sizeBytes: 1e9, md5: '', open: endless }), { code: 'request.invalid' });
  assert.equal(read, 0);
});

test('a value of 600 MB, more than a text can hold, is read through without being kept', async () => {
  const chunk = Buffer.alloc(1_000_000, 'x');
  const open = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"document":"');
    for (let count = 0; count < 600; count += 1) yield chunk;
    yield Buffer.from('"}');
  };
  const before = process.memoryUsage().rss;
  await checkJsonDocument({ sizeBytes: 600_000_015, md5: '', open });
  assert.ok(process.memoryUsage().rss - before < 150_000_000);
});
