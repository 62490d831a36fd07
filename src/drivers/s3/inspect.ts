import { AppError, isAppError } from '../../core/errors.ts';
import type { StoreCondition } from '../contract.ts';
import { bucketExists } from './bucket.ts';
import type { S3Client } from './client.ts';
import type { S3Options } from './config.ts';
import { findChild, childText, parseXml, type XmlElement } from './xml.ts';

/** A part of the bucket's configuration; undefined where it has none, the store knows of none, or we may not see it. */
const findConfiguration = async (
  client: S3Client,
  operation: string,
  query: string,
  bucket: string,
  signal: AbortSignal | undefined,
): Promise<XmlElement | undefined> => {
  const request = { operation, method: 'GET', bucket, query: { [query]: '' }, signal } as const;
  const answer = await client.exchange(request);
  if (!answer.ok) {
    // 4xx and 501: none set, not implemented, or not for these credentials. A passing fault must not look like that.
    if (answer.failure.status < 500 || answer.failure.status === 501) return undefined;
    throw client.errorOf(answer.failure, request);
  }
  return parseXml(await client.readText(answer.body, request));
};

/** What an operator should know of the bucket: whether it exists and lets us in, keeps versions, or locks objects. */
export const inspectBucket = async (
  client: S3Client,
  options: S3Options,
  signal: AbortSignal | undefined,
): Promise<readonly StoreCondition[]> => {
  const { bucket } = options;
  try {
    if (!(await bucketExists(client, bucket, signal))) {
      const error = new AppError('store.container-missing', `the bucket "${bucket}" does not exist`);
      return options.createBucket ? [] : [{ severity: 'refuse', concerns: 'both', error, forceable: false }];
    }
  } catch (error) {
    if (isAppError(error, 'store.denied')) return [{ severity: 'warn', concerns: 'both', error, forceable: true }];
    throw error;
  }
  const conditions: StoreCondition[] = [];
  const versioning = await findConfiguration(client, 'GetBucketVersioning', 'versioning', bucket, signal);
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
  const lock = await findConfiguration(client, 'GetObjectLockConfiguration', 'object-lock', bucket, signal);
  if (lock !== undefined && childText(lock, 'ObjectLockEnabled')?.trim() === 'Enabled') {
    const retained = findChild(lock, 'Rule') === undefined ? '' : ', with a default retention';
    const error = new AppError(
      'refused.object-lock',
      `the bucket "${bucket}" has object lock${retained}, so what is deleted stays in it`,
    );
    conditions.push({ severity: 'refuse', concerns: 'cleaning', error, forceable: true });
  }
  return conditions;
};
