import { AppError, isAppError } from '../../core/errors.ts';
import type { StoreCondition } from '../contract.ts';
import { findArchivalTarget, judgeLifecycle, judgeListing } from './archival.ts';
import { bucketExists } from './bucket.ts';
import type { S3Client } from './client.ts';
import type { S3Options } from './config.ts';
import { findChild, childText, parseXml, type XmlElement } from './xml.ts';

/** A part of what a bucket says of itself; undefined where it has none, the store knows of none, or we may not see it. */
const findConfiguration = async (
  client: S3Client,
  operation: string,
  query: Readonly<Record<string, string>>,
  bucket: string,
  signal: AbortSignal | undefined,
): Promise<XmlElement | undefined> => {
  const request = { operation, method: 'GET', bucket, query, signal } as const;
  const answer = await client.exchange(request);
  if (!answer.ok) {
    // 4xx and 501: none set, not implemented, or not for these credentials. A passing fault must not look like that.
    if (answer.failure.status < 500 || answer.failure.status === 501) return undefined;
    throw client.errorOf(answer.failure, request);
  }
  return parseXml(await client.readText(answer.body, request));
};

/** Objects whose storage classes are looked at. */
const SAMPLED_OBJECTS = '1000';

/**
 * What an operator should know of the bucket: whether it exists and lets us in, keeps versions, locks objects, or has them in
 * an archive, now or later.
 */
export const inspectBucket = async (
  client: S3Client,
  options: S3Options,
  signal: AbortSignal | undefined,
): Promise<readonly StoreCondition[]> => {
  const { bucket, prefix } = options;
  const archival = findArchivalTarget(options);
  const target: readonly StoreCondition[] =
    archival === undefined ? [] : [{ severity: 'refuse', concerns: 'writing', error: archival, forceable: false }];
  try {
    if (!(await bucketExists(client, bucket, signal))) {
      const error = new AppError('store.container-missing', `the bucket "${bucket}" does not exist`);
      return options.createBucket
        ? target
        : [...target, { severity: 'refuse', concerns: 'both', error, forceable: false }];
    }
  } catch (error) {
    if (isAppError(error, 'store.denied'))
      return [...target, { severity: 'warn', concerns: 'both', error, forceable: true }];
    throw error;
  }
  const conditions: StoreCondition[] = [...target];
  const versioning = await findConfiguration(client, 'GetBucketVersioning', { versioning: '' }, bucket, signal);
  const status = versioning && childText(versioning, 'Status')?.trim();
  if (status === 'Enabled' || status === 'Suspended') {
    const kept =
      status === 'Enabled'
        ? 'keeps every version of what is deleted'
        : 'kept versions earlier, which a deletion leaves';
    const error = new AppError(
      'store.versioned',
      `the bucket "${bucket}" ${kept}, so cleaning it frees no space by itself`,
    );
    conditions.push({ severity: 'warn', concerns: 'cleaning', error, forceable: true });
  }
  const lock = await findConfiguration(client, 'GetObjectLockConfiguration', { 'object-lock': '' }, bucket, signal);
  if (lock !== undefined && childText(lock, 'ObjectLockEnabled')?.trim() === 'Enabled') {
    const retained = findChild(lock, 'Rule') === undefined ? '' : ', with a default retention';
    const error = new AppError(
      'refused.object-lock',
      `the bucket "${bucket}" has object lock${retained}, so what is deleted stays in it`,
    );
    conditions.push({ severity: 'refuse', concerns: 'cleaning', error, forceable: true });
  }
  const lifecycle = await findConfiguration(
    client,
    'GetBucketLifecycleConfiguration',
    { lifecycle: '' },
    bucket,
    signal,
  );
  conditions.push(...judgeLifecycle(lifecycle, options));
  const query = {
    'list-type': '2',
    'encoding-type': 'url',
    'max-keys': SAMPLED_OBJECTS,
    ...(prefix !== '' && { prefix }),
  };
  conditions.push(...judgeListing(await findConfiguration(client, 'ListObjectsV2', query, bucket, signal), options));
  return conditions;
};
