import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { mapBounded } from '../../src/drivers/http/map-bounded.ts';
import {
  makeBytes,
  makeKey,
  md5Of,
  payloadOf,
  readBytes,
  refOf,
  streamOf,
  textBytes,
} from '../../src/drivers/conformance/samples.ts';
import type { DeleteOutcome, Driver, ListedObject } from '../../src/drivers/contract.ts';
import type { S3Checksum, S3Options } from '../../src/drivers/s3/config.ts';
import { openS3Driver } from '../../src/drivers/s3/driver.ts';
import type { HalfUpload } from './s3-half-upload.ts';
import { optionsFor } from './s3-subject.ts';

/** What one server does, and others do not. */
export interface S3Features {
  readonly conditionalPut: boolean;
  /** The checksums with which it proves what it holds of an object in one part. */
  readonly checksums: readonly S3Checksum[];
  readonly objectLock: boolean;
  /** Whether a key can hold a control character that XML has no form for. */
  readonly controlCharacters: boolean;
  /** How many documents are listed and deleted at once: more than the 1,000 of one request, where it is fast enough. */
  readonly documents: number;
}

const MIB = 1024 * 1024;
const RANGE_SIZES = { rangedBytes: 6 * MIB, rangeBytes: 1_000_003 };
const COPY_SIZES = { wholeBytes: 6 * MIB, partBytes: 5 * MIB };
const PART_SIZES = { multipartBytes: 6 * MIB, partBytes: 5 * MIB };

/** Amazon's own client, to set up and look at what the driver has no operation for. */
const openSdk = (options: S3Options, region: string): S3Client => {
  assert.equal(options.credentials.kind, 'static');
  const { accessKey: accessKeyId, secretKey: secretAccessKey } = options.credentials;
  return new S3Client({
    ...(options.url !== undefined && { endpoint: options.url }),
    region,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: { accessKeyId, secretAccessKey },
  });
};

/** Has a process of its own begin to store an object in parts, and kills it in the middle. */
const leaveHalf = async (half: HalfUpload): Promise<void> => {
  const child = fork(new URL('s3-half-upload.ts', import.meta.url), { execArgv: [] });
  const ended = once(child, 'exit');
  const halfWay = once(child, 'message');
  child.send(half);
  await Promise.race([halfWay, ended]);
  child.kill('SIGKILL');
  const [, signal] = (await ended) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL');
};

const outcomesOf = (results: readonly DeleteOutcome[]): readonly string[] =>
  results.map((result) => (result.outcome === 'failed' ? String(result.error) : result.outcome));

/** The cases that only stores of S3 have, beside the suite of all drivers. */
export const s3Cases = (server: string, region: string, features: S3Features): void => {
  describe(`s3 on ${server}`, () => {
    let options: S3Options;
    let driver: Driver;
    let sdk: S3Client;
    const openWith = (changes: Partial<S3Options>, now?: () => Date): Promise<Driver> =>
      openS3Driver(
        { ...options, ...changes },
        {
          environment: {},
          partSizes: PART_SIZES,
          rangeSizes: RANGE_SIZES,
          copySizes: COPY_SIZES,
          pageKeys: 20,
          ...(now && { now }),
        },
      );
    const listUploads = async (): Promise<number> =>
      (await sdk.send(new ListMultipartUploadsCommand({ Bucket: options.bucket }))).Uploads?.length ?? 0;
    const list = async (from: Driver = driver): Promise<readonly ListedObject[]> => Array.fromAsync(from.list());

    before(async () => {
      options = await optionsFor(server);
      sdk = openSdk(options, region);
      driver = await openWith({});
      await driver.prepare();
    });
    after(async () => {
      await driver[Symbol.asyncDispose]();
      sdk.destroy();
    });

    test('preparing finds out whether creating is atomic, and leaves nothing', async () => {
      assert.equal(driver.capabilities.conditionalPut, features.conditionalPut);
      assert.deepEqual(await list(), []);
    });

    test('an object in one part: the answer proves it, and so does HEAD', async () => {
      const bytes = makeBytes(100_000, 'one part');
      for (const payload of [payloadOf(bytes), streamOf(bytes)]) {
        const key = makeKey();
        const receipt = await driver.put(key, payload, { mode: 'create' });
        assert.equal(receipt.md5, payload.md5);
        assert.equal((await driver.head(refOf(key, receipt.url)))?.md5, payload.md5);
      }
    });

    test('a stream too large for memory goes in one part, and is broken off where it is not what it said', async () => {
      await using other = await openS3Driver(options, { environment: {} });
      const bytes = makeBytes(9 * MIB, 'streamed');
      const key = makeKey();
      for (const lie of [{ md5: md5Of(textBytes('other')) }, { sizeBytes: 9 * MIB - 1 }, { sizeBytes: 9 * MIB + 1 }]) {
        await assert.rejects(other.put(key, streamOf(bytes, lie), { mode: 'create' }), { code: 'store.corrupt' });
        assert.equal(await other.head(refOf(key, other.locate(key))), undefined);
      }
      const receipt = await other.put(key, streamOf(bytes), { mode: 'create' });
      assert.equal(receipt.md5, md5Of(bytes));
      const ref = refOf(key, receipt.url);
      assert.equal(md5Of(await readBytes(await other.get(ref))), md5Of(bytes));
      await assert.rejects(other.put(key, streamOf(bytes), { mode: 'create' }), { code: 'store.exists' });
    });

    test('an object in several parts: the answer proves it, HEAD does not, and nothing else stays', async () => {
      const bytes = makeBytes(16 * MIB, 'several parts');
      const key = makeKey();
      const payload = streamOf(bytes);
      const receipt = await driver.put(key, payload, { mode: 'create' });
      assert.equal(receipt.md5, payload.md5);
      const ref = refOf(key, receipt.url);
      assert.equal((await driver.head(ref))?.md5, undefined);
      assert.equal((await driver.head(ref))?.sizeBytes, bytes.length);
      assert.equal(md5Of(await readBytes(await driver.get(ref))), payload.md5);
      assert.equal(await listUploads(), 0);
      await assert.rejects(driver.put(key, payload, { mode: 'create' }), { code: 'store.exists' });
      assert.equal(await listUploads(), 0);
      // Its bytes decide, since the entity tag of several parts is no MD5 of the whole.
      assert.deepEqual(await driver.delete([{ ref, md5: md5Of(textBytes('other')) }]), [{ outcome: 'changed' }]);
      assert.deepEqual(await driver.delete([{ ref, md5: payload.md5 }]), [{ outcome: 'deleted' }]);
    });

    test('an upload in parts that fails or was left behind is removed', async () => {
      const bytes = makeBytes(12 * MIB, 'fails');
      const key = makeKey();
      const lie = streamOf(bytes, { md5: md5Of(textBytes('other')) });
      await assert.rejects(driver.put(key, lie, { mode: 'create' }), { code: 'store.corrupt' });
      assert.equal(await listUploads(), 0);
      const url = driver.locate(key);
      assert.equal(await driver.head(refOf(key, url)), undefined);
      // What a process leaves that was killed in the middle.
      const Key = url.slice(`s3://${options.bucket}/`.length);
      await sdk.send(new CreateMultipartUploadCommand({ Bucket: options.bucket, Key }));
      assert.equal(await listUploads(), 1);
      await driver.put(key, streamOf(bytes), { mode: 'create' });
      assert.equal(await listUploads(), 0);
    });

    test('what a killed process left is removed by the next write or delete of the key, however it is made', async () => {
      const bucket = `${options.bucket}-killed`;
      const own = { ...options, bucket, prefix: 'a prefix/' };
      const countUploads = async (): Promise<number> =>
        (await sdk.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.length ?? 0;
      await sdk.send(new CreateBucketCommand({ Bucket: bucket }));
      const [inParts, small, deleted] = [makeKey('in parts +%'), makeKey('small ü'), makeKey('deleted')];
      const halves = [inParts, small, deleted].map((key) => leaveHalf({ options: own, partSizes: PART_SIZES, key }));
      await Promise.all(halves);
      // Somebody else's, of a key that no document of ours has.
      await sdk.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'a prefix/foreign' }));
      assert.equal(await countUploads(), 4);

      await using next = await openWith({ bucket, prefix: 'a prefix/' });
      await next.prepare();
      assert.equal(await countUploads(), 4);
      await next.put(inParts, streamOf(makeBytes(7 * MIB, 'again')), { mode: 'create' });
      assert.equal(await countUploads(), 3);
      await next.put(small, payloadOf(textBytes('it has become small')), { mode: 'create' });
      assert.equal(await countUploads(), 2);
      const ref = refOf(deleted, next.locate(deleted));
      assert.deepEqual(await next.delete([{ ref, md5: undefined }]), [{ outcome: 'absent' }]);
      assert.equal(await countUploads(), 1);
    });

    for (const checksum of features.checksums) {
      test(`with the checksum ${checksum} the answer proves objects in one part and in several`, async () => {
        await using other = await openWith({ checksum });
        for (const bytes of [textBytes('{}'), new Uint8Array(0), makeBytes(11 * MIB, checksum)]) {
          const key = makeKey();
          const { md5, url } = await other.put(key, streamOf(bytes), { mode: 'create' });
          assert.equal(md5, md5Of(bytes));
          assert.equal(md5Of(await readBytes(await driver.get(refOf(key, url)))), md5Of(bytes));
        }
      });
    }

    test('more than a page is listed whole, and deleted at once', async () => {
      await using other = await openWith({ prefix: 'many + things/' });
      const special = ['a&b<c>', 'plus + blank', 'ü', "'quoted'", '"', 'tab\t', 'cr\r', 'percent%41'];
      if (features.controlCharacters) special.push('control \u0001');
      const numbers = Array.from({ length: features.documents }, (_, index) => String(index));
      const keys = [...special, ...numbers].map((name) => makeKey(name, 'many'));
      const items = await mapBounded(keys, 16, async (key) => {
        const payload = payloadOf(textBytes(key.archiveId));
        const { url } = await other.put(key, payload, { mode: 'create' });
        return { ref: refOf(key, url), md5: payload.md5 };
      });
      const listed = (await list(other)).map(({ url }) => url);
      assert.deepEqual(listed.toSorted(), items.map(({ ref }) => ref.url).toSorted());
      const outcomes = outcomesOf(await other.delete([...items, ...items.slice(0, 3)]));
      assert.deepEqual(new Set(outcomes), new Set(['deleted']));
      assert.deepEqual(await list(other), []);
    });

    test('rows that name another bucket are read and deleted there', async () => {
      const Bucket = `${options.bucket}-other`;
      await sdk.send(new CreateBucketCommand({ Bucket }));
      await sdk.send(new PutObjectCommand({ Bucket, Key: 'from/elsewhere', Body: 'there' }));
      const ref = refOf(makeKey(), `s3://${Bucket}/from/elsewhere`);
      assert.equal((await readBytes(await driver.get(ref))).toString(), 'there');
      assert.deepEqual(await driver.delete([{ ref, md5: md5Of(textBytes('there')) }]), [{ outcome: 'deleted' }]);
    });

    test('the store itself copies from another bucket, and keeps the copy as what is put', async () => {
      const Bucket = `${options.bucket}-source`;
      await sdk.send(new CreateBucketCommand({ Bucket }));
      const bytes = textBytes('{"document": "copied"}');
      const Key = 'old prefix/ü+%41/a b?c#d';
      const ContentType = 'text/plain';
      await sdk.send(new PutObjectCommand({ Bucket, Key, Body: bytes, ContentType, Metadata: { of: 'the source' } }));
      const source = refOf(makeKey(), `s3://${Bucket}/${Key}`);
      for (const checksum of features.checksums) {
        await using other = await openWith({ checksum });
        const key = makeKey();
        const copy = await other.copyWithin?.(source, key, { md5: md5Of(bytes), sizeBytes: bytes.length });
        assert.equal(copy?.md5, md5Of(bytes));
        assert.equal(md5Of(await readBytes(await other.get(refOf(key, copy.url)))), md5Of(bytes));
        const place = { Bucket: options.bucket, Key: copy.url.slice(`s3://${options.bucket}/`.length) };
        const head = await sdk.send(new HeadObjectCommand(place));
        assert.deepEqual([head.ContentType, head.Metadata], ['binary/octet-stream', {}]);
      }
      assert.equal((await readBytes(await driver.get(source))).toString(), '{"document": "copied"}');
    });

    test('the store itself copies a large object in parts, only while it is the expected one, and leaves nothing else', async () => {
      await using whole = await openS3Driver(options, { environment: {} });
      const bytes = makeBytes(11 * MIB, 'copied in parts');
      const from = makeKey();
      const { url } = await whole.put(from, streamOf(bytes), { mode: 'create' });
      const source = refOf(from, url);
      const expected = { md5: md5Of(bytes), sizeBytes: bytes.length };
      for (const checksum of features.checksums) {
        await using other = await openWith({ checksum });
        const key = makeKey();
        const copy = await other.copyWithin?.(source, key, expected);
        // Nobody here knows the MD5s of which the new entity tag is made.
        assert.deepEqual(copy, { url: driver.locate(key), md5: undefined, sizeBytes: undefined });
        assert.equal(md5Of(await readBytes(await driver.get(refOf(key, copy.url)))), expected.md5);
        // Nor does the store know this one by its MD5.
        await assert.rejects(async () => other.copyWithin?.(refOf(key, copy.url), makeKey(), expected), {
          code: 'store.failed',
        });
      }
      const wrong = { ...expected, md5: md5Of(textBytes('other')) };
      const key = makeKey();
      await assert.rejects(async () => driver.copyWithin?.(source, key, wrong), { code: 'store.failed' });
      assert.equal(await driver.head(refOf(key, driver.locate(key))), undefined);
      assert.equal(await listUploads(), 0);
    });

    test('credentials that are wrong are named, never the secret', async () => {
      const wrong = { kind: 'static', secretKey: 'not-the-secret-of-anybody', sessionToken: undefined } as const;
      const right = options.credentials.kind === 'static' ? options.credentials.accessKey : '';
      for (const accessKey of ['NOSUCHKEY0000', right]) {
        await using other = await openWith({ credentials: { ...wrong, accessKey } });
        const key = makeKey();
        const ref = refOf(key, other.locate(key));
        for (const work of [
          async () => other.prepare(),
          async () => other.get(ref),
          async () => other.head(ref),
          async () => other.put(key, payloadOf(textBytes('x')), { mode: 'create' }),
          async () => Array.fromAsync(other.list()),
          async () => other.inspect(),
        ]) {
          await assert.rejects(work, (error: Error & { code?: string }) => {
            assert.equal(error.code, 'store.credentials', String(error));
            assert.ok(error.message.includes(accessKey) && !error.message.includes(wrong.secretKey), error.message);
            return true;
          });
        }
      }
    });

    test('a clock that is wrong is said to be', async () => {
      await using other = await openWith({}, () => new Date(Date.now() - 3_600_000));
      const key = makeKey();
      await assert.rejects(async () => other.get(refOf(key, other.locate(key))), { code: 'store.clock-skew' });
      await assert.rejects(async () => other.head(refOf(key, other.locate(key))), { code: 'store.clock-skew' });
    });

    test('a bucket that does not exist is said to be missing, and created only where that is asked for', async () => {
      const bucket = `${options.bucket}-new`;
      await using other = await openWith({ bucket, createBucket: false });
      const key = makeKey();
      const ref = refOf(key, other.locate(key));
      const missing = { code: 'store.container-missing' };
      await assert.rejects(other.prepare(), missing);
      await assert.rejects(async () => other.get(ref), missing);
      await assert.rejects(async () => other.head(ref), missing);
      await assert.rejects(async () => list(other), missing);
      const [condition] = await other.inspect();
      assert.equal(condition?.error.code, 'store.container-missing');
      await using creating = await openWith({ bucket, createBucket: true });
      await creating.prepare();
      await creating.prepare();
      assert.equal(await creating.head(ref), undefined);
    });

    test('a bucket that keeps versions is told of, and the probe leaves none', async () => {
      const bucket = `${options.bucket}-versions`;
      await sdk.send(new CreateBucketCommand({ Bucket: bucket }));
      await using other = await openWith({ bucket });
      assert.deepEqual(await other.inspect(), []);
      await sdk.send(
        new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
      );
      await other.prepare();
      assert.deepEqual(await list(other), []);
      const conditions = await other.inspect();
      assert.deepEqual(
        conditions.map(({ severity, error }) => [severity, error.code]),
        [['warn', 'store.versioned']],
      );
    });

    if (features.objectLock) {
      test('a bucket with object lock cannot be cleaned', async () => {
        const bucket = `${options.bucket}-locked`;
        await sdk.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
        await using other = await openWith({ bucket });
        const found = (await other.inspect()).find(({ error }) => error.code === 'refused.object-lock');
        assert.deepEqual([found?.severity, found?.concerns], ['refuse', 'cleaning']);
      });
    }
  });
};
