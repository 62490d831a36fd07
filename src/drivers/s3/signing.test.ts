import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { openCredentials } from './credentials.ts';
import { openEndpoint } from './endpoint.ts';
import { createSigner, encodeKey, encodeQuery } from './signing.ts';

/** What Amazon's own client is about to send, signature included. */
interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

const URL_OF_STORE = 'http://store.example:9000';
const TOKEN = 'a session token, with = and /';

const keys = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc
      .array(
        fc.constantFrom(
          'a',
          '/',
          '//',
          '..',
          '.',
          '%',
          '%41',
          '%2F',
          '+',
          ' ',
          '#',
          '?',
          '&=',
          "!'()*",
          '~',
          'ü',
          '😀',
        ),
        {
          minLength: 1,
          maxLength: 12,
        },
      )
      .map((parts) => parts.join('')),
    fc.constant('k'.repeat(700)),
  )
  .filter((key) => key.isWellFormed());
const buckets = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{1,30}[a-z0-9]$/).filter((name) => !name.includes('..'));
const secrets = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 });

const requests = fc.record({
  key: keys,
  bucket: buckets,
  region: fc.constantFrom('us-east-1', 'eu-central-1', 'x'),
  accessKey: fc.stringMatching(/^[A-Z0-9]{4,20}$/),
  secretKey: secrets,
  sessionToken: fc.option(fc.constant(TOKEN), { nil: undefined }),
  prefix: fc.string({ unit: 'grapheme', maxLength: 20 }).filter((prefix) => prefix.isWellFormed()),
  token: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 30 }),
  part: fc.integer({ min: 1, max: 10_000 }),
  body: fc.uint8Array({ maxLength: 200 }),
  range: fc.nat(1000),
});
type Sample = typeof requests extends fc.Arbitrary<infer T> ? T : never;

const OPERATIONS = {
  put: ({ bucket, key, body }: Sample) =>
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: body,
      IfNoneMatch: '*',
      ContentType: 'binary/octet-stream',
      StorageClass: 'STANDARD_IA',
    }),
  get: ({ bucket, key, range }: Sample) => new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${range}-` }),
  head: ({ bucket, key }: Sample) => new HeadObjectCommand({ Bucket: bucket, Key: key }),
  delete: ({ bucket, key }: Sample) => new DeleteObjectCommand({ Bucket: bucket, Key: key }),
  list: ({ bucket, prefix, token }: Sample) =>
    new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token, EncodingType: 'url' }),
  part: ({ bucket, key, part, token, body }: Sample) =>
    new UploadPartCommand({ Bucket: bucket, Key: key, PartNumber: part, UploadId: token, Body: body }),
} as const;
type Operation = keyof typeof OPERATIONS;

/** The request that Amazon's client makes of a sample; it is caught before it is sent. */
const catchRequest = async (operation: Operation, sample: Sample): Promise<SignedRequest> => {
  const { accessKey: accessKeyId, secretKey: secretAccessKey, sessionToken, region } = sample;
  const client = new S3Client({
    endpoint: URL_OF_STORE,
    region,
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
  });
  let caught: SignedRequest | undefined;
  client.middlewareStack.add(
    () => async (input) => {
      caught = input.request as SignedRequest;
      return { response: {}, output: { $metadata: {} } };
    },
    { step: 'deserialize', priority: 'high', name: 'catch' },
  );
  await client.send(OPERATIONS[operation](sample) as GetObjectCommand);
  client.destroy();
  if (caught === undefined) throw new Error('no request was made');
  return caught;
};

const parseDate = (text: string): Date =>
  new Date(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

describe('signing as the AWS SDK does', () => {
  for (const operation of Object.keys(OPERATIONS) as Operation[]) {
    test(`${operation}: the same path and the same signature`, async () => {
      await fc.assert(
        fc.asyncProperty(requests, async (sample) => {
          const expected = await catchRequest(operation, sample);
          const endpoint = openEndpoint({ url: URL_OF_STORE, addressingStyle: 'path', region: undefined });
          const target = endpoint.target(sample.region, sample.bucket, operation === 'list' ? undefined : sample.key);
          assert.equal(target.path.replace(/\/$/, ''), expected.path.replace(/\/$/, ''));
          const { authorization, ...headers } = expected.headers;
          const { accessKey, secretKey, sessionToken } = sample;
          const signer = createSigner(openCredentials({ kind: 'static', accessKey, secretKey, sessionToken }));
          const date = parseDate(headers['x-amz-date'] ?? '');
          // The path is ours except for a bucket's, where theirs may end with a slash.
          const path = operation === 'list' ? expected.path : target.path;
          const signed = await signer.sign(
            { method: expected.method, path, query: expected.query, headers },
            sample.region,
            date,
          );
          assert.equal(signed['authorization'], authorization);
          assert.equal(signed['x-amz-security-token'], sessionToken);
        }),
        { numRuns: 500 },
      );
    });
  }
});

describe('encoding', () => {
  test('a key comes back from its path, whatever it holds', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const path = encodeKey(key);
        assert.match(path, /^[A-Za-z0-9\-._~%/]*$/);
        assert.equal(decodeURIComponent(path), key);
        assert.equal(path.split('/').length, key.split('/').length);
      }),
      { numRuns: 2000 },
    );
  });

  test('a query comes back from its text', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((value) => value.isWellFormed());
    fc.assert(
      fc.property(fc.dictionary(text, text), (query) => {
        const parsed = new URLSearchParams(encodeQuery(query).replaceAll('+', '%2B'));
        assert.deepEqual(Object.fromEntries(parsed), { ...query });
      }),
      { numRuns: 1000 },
    );
  });
});
