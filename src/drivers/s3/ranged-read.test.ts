import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Script } from '../../../test/support/scripted-http.ts';
import { errorXml, withScriptedS3 } from '../../../test/support/scripted-s3.ts';
import { makeBytes, makeKey, md5Of, readBytes, refOf } from '../conformance/samples.ts';
import type { Driver } from '../contract.ts';

const key = makeKey('large');
const bytes = Buffer.from(makeBytes(1_000_000, 'ranges'));
const rangeSizes = { rangedBytes: 500_000, rangeBytes: 150_000 };
const whole = { status: 200, headers: { 'etag': '"e"', 'accept-ranges': 'bytes' }, body: bytes };

const rangeIn = (header: string | undefined): { readonly start: number; readonly end: number } | undefined => {
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(header ?? '') ?? [];
  return start === undefined || end === undefined ? undefined : { start: Number(start), end: Number(end) };
};

const honest: Script = ({ headers }) => {
  const range = rangeIn(headers.range);
  if (range === undefined) return whole;
  const body = bytes.subarray(range.start, range.end + 1);
  return { status: 206, headers: { 'content-range': `bytes ${range.start}-${range.end}/${bytes.length}` }, body };
};

const read = async (driver: Driver): Promise<Uint8Array> => readBytes(await driver.get(refOf(key, driver.locate(key))));

describe('reading a large object in ranges', () => {
  test('they come in order, and all of one object', async () => {
    await withScriptedS3(
      honest,
      {},
      async (driver, { requests }) => {
        assert.equal(md5Of(await read(driver)), md5Of(bytes));
        const ranged = requests.filter(({ headers }) => headers.range !== undefined);
        assert.equal(ranged.length, 6);
        assert.ok(ranged.every(({ headers }) => headers['if-match'] === '"e"'));
      },
      { rangeSizes },
    );
  });

  test('a store that knows no ranges, or a small object, is read at once', async () => {
    for (const answer of [
      { ...whole, headers: { etag: '"e"' } },
      { ...whole, body: bytes.subarray(0, 400_000) },
    ]) {
      await withScriptedS3(
        () => answer,
        {},
        async (driver, { requests }) => {
          assert.equal(md5Of(await read(driver)), md5Of(answer.body));
          assert.equal(requests.length, 1);
        },
        { rangeSizes },
      );
    }
  });

  const faults: Readonly<Record<string, readonly [Script, string]>> = {
    'is replaced meanwhile': [() => ({ status: 412, body: errorXml('PreconditionFailed') }), 'store.corrupt'],
    'is gone meanwhile': [() => ({ status: 404, body: errorXml('NoSuchKey') }), 'store.not-found'],
    'comes whole instead': [() => whole, 'store.corrupt'],
    'is cut short': [(request) => ({ ...honest(request), status: 206, cutAfterBytes: 1000 }), 'store.unreachable'],
    'is throttled': [() => ({ status: 503, body: errorXml('SlowDown') }), 'store.throttled'],
  };
  for (const [name, [fault, code]] of Object.entries(faults)) {
    test(`an object that ${name} is an error`, async () => {
      const script: Script = (request) =>
        (rangeIn(request.headers.range)?.start ?? 0) >= 450_000 ? fault(request) : honest(request);
      await withScriptedS3(script, {}, async (driver) => assert.rejects(read(driver), { code }), { rangeSizes });
    });
  }

  test('reading can be broken off', async () => {
    await withScriptedS3(
      honest,
      {},
      async (driver) => {
        for (let round = 0; round < 30; round += 1) {
          for await (const chunk of (await driver.get(refOf(key, driver.locate(key)))).chunks) {
            assert.ok(chunk.length > 0);
            break;
          }
        }
        assert.equal(md5Of(await read(driver)), md5Of(bytes));
      },
      { rangeSizes },
    );
  });
});
