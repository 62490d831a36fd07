import { AppError, isAppError } from '../../core/errors.ts';
import type { S3Answer, S3Client } from './client.ts';
import type { S3Options } from './config.ts';
import { codeOf, type S3Failure } from './failure.ts';
import { escapeXml } from './xml.ts';

/** The smallest request whose failure has a body: an answer to HEAD has none, so its 403 or 400 says too little. */
const explainFailure = async (
  client: S3Client,
  bucket: string,
  signal: AbortSignal | undefined,
): Promise<S3Failure | undefined> => {
  const query = { 'list-type': '2', 'max-keys': '1' };
  const answer = await client.exchange({ operation: 'ListObjectsV2', method: 'GET', bucket, query, signal });
  if (!answer.ok) return answer.failure;
  await answer.body.dump();
  return undefined;
};

/**
 * Sends HEAD for a bucket or an object. Where its failure could mean several things (no access, a wrong key, a wrong
 * clock, another region), a listing of one key is asked for what it was.
 */
export const sendHead = async (
  client: S3Client,
  operation: 'HeadBucket' | 'HeadObject',
  bucket: string,
  key: string | undefined,
  signal: AbortSignal | undefined,
): Promise<S3Answer> => {
  const request = { operation, method: 'HEAD', bucket, key, signal } as const;
  const attempt = async (): Promise<S3Answer> => {
    const answer = await client.exchange(request);
    if (answer.ok) await answer.body.dump();
    return answer;
  };
  const before = client.regionOf(bucket);
  const first = await attempt();
  if (first.ok || !isAmbiguous(first.failure)) return first;
  const failure = await explainFailure(client, bucket, signal);
  // The listing was led to another region: there HEAD may say more.
  const answer = client.regionOf(bucket) === before ? first : await attempt();
  if (answer.ok || !isAmbiguous(answer.failure) || failure === undefined) return answer;
  return { ok: false, failure };
};

const isAmbiguous = ({ status }: S3Failure): boolean => status === 400 || status === 403 || status === 301;

/**
 * Whether the bucket exists; throws where the store does not let us know. Only `NoSuchBucket` means that it does not: a
 * server that is no S3, or does not know our access key, answers 404 as well.
 */
export const bucketExists = async (
  client: S3Client,
  bucket: string,
  signal: AbortSignal | undefined,
): Promise<boolean> => {
  const answer = await sendHead(client, 'HeadBucket', bucket, undefined, signal);
  if (answer.ok) return true;
  const { failure } = answer;
  const explained =
    failure.status === 404 && failure.code === '' ? await explainFailure(client, bucket, signal) : failure;
  if (explained === undefined) return true;
  if (codeOf(explained) === 'store.container-missing') return false;
  throw client.errorOf(explained, { operation: 'HeadBucket', method: 'HEAD', bucket });
};

const createBody = (region: string): string =>
  `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${escapeXml(region)}</LocationConstraint></CreateBucketConfiguration>`;

const createBucket = async (client: S3Client, options: S3Options, signal: AbortSignal | undefined): Promise<void> => {
  const { bucket } = options;
  const region = client.regionOf(bucket);
  // Only Amazon has a word for where a bucket is to lie; us-east-1 is what no word means there.
  const body = options.url === undefined && region !== 'us-east-1' ? Buffer.from(createBody(region)) : undefined;
  const request = { operation: 'CreateBucket', method: 'PUT', bucket, signal } as const;
  const answer = await client.exchange(
    body === undefined ? request : { ...request, body: { kind: 'bytes', bytes: body, sha256: undefined } },
  );
  if (answer.ok) return answer.body.dump();
  // Another process may have created it in between.
  if (answer.failure.code === 'BucketAlreadyOwnedByYou') return;
  if (answer.failure.status === 409 && (await bucketExists(client, bucket, signal))) return;
  throw client.errorOf(answer.failure, request);
};

/** Throws `store.container-missing` unless the bucket exists, or may be and was created. */
export const ensureBucket = async (
  client: S3Client,
  options: S3Options,
  signal: AbortSignal | undefined,
): Promise<void> => {
  try {
    if (await bucketExists(client, options.bucket, signal)) return;
  } catch (error) {
    // Rights on the objects do not include rights on the bucket; what follows will show.
    if (!isAppError(error, 'store.denied') || options.createBucket) throw error;
    return;
  }
  if (!options.createBucket) {
    throw new AppError(
      'store.container-missing',
      `the bucket "${options.bucket}" does not exist, and create_bucket is not set`,
      { remedy: 'Correct bucket, create it, or set create_bucket: true.' },
    );
  }
  await createBucket(client, options, signal);
};
