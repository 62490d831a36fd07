import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import test from 'node:test';
import fc from 'fast-check';
import { isAppError } from '../../core/errors.ts';
import { unwrapValue, wrapValue } from './json-envelope.ts';

const SEED = 20;

const inPieces = async function* (bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

const unwrap = async (bytes: Buffer, size: number): Promise<string> =>
  (await buffer(unwrapValue(inPieces(bytes, size)))).toString('utf8');

test('what was wrapped comes out byte by byte, however it arrives', async () => {
  const value = fc.oneof(
    fc.json().map((text) => ` ${text}\n`),
    fc
      .array(fc.constantFrom('}', ' ', '\n', '"', 'x'), { minLength: 1, maxLength: 700 })
      .map((parts) => parts.join('')),
  );
  await fc.assert(
    fc.asyncProperty(value, fc.integer({ min: 1, max: 400 }), async (text, size) => {
      assert.equal(await unwrap(wrapValue(Buffer.from(text)), size), text);
    }),
    { seed: SEED },
  );
});

test('other ways to write the same document', async () => {
  for (const [text, expected] of [
    ['{"document":[1]}', '[1]'],
    [' {\n "document" : {"a": "}"} } \n', '{"a": "}"} '],
  ] as const)
    for (const size of [1, 1000]) assert.equal(await unwrap(Buffer.from(text), size), expected);
});

test('anything else is told', async () => {
  for (const text of ['', '{}', '[1]', '{"document": 1', '{"other": 1}'])
    await assert.rejects(unwrap(Buffer.from(text), 3), (error) => isAppError(error, 'request.conflict'));
});
