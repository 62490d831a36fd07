import { AppError } from '../../core/errors.ts';
import type { S3Client, S3Request, S3Success } from './client.ts';
import type { S3Options } from './config.ts';
import { isUnsupported } from './failure.ts';
import { bodyOf, signsBodies, storageHeaders } from './put-object.ts';

/** Where a probe writes: always the same name, so that the next one finds and removes what a kill has left. */
export const probeKey = (options: S3Options, what: 'put' | 'copy'): string =>
  `${options.prefix}.anchore-manager-probe-${what}`;

/**
 * Whether the store honours `If-None-Match: *`: one object is created twice, and the second must be refused. It is removed
 * again, its versions too, before this returns or throws. What a kill leaves shows the same, and goes with the next probe.
 */
export const probeConditionalPut = async (
  client: S3Client,
  options: S3Options,
  signal: AbortSignal | undefined,
): Promise<boolean> => {
  const { bucket } = options;
  const key = probeKey(options, 'put');
  const put: S3Request = {
    operation: 'PutObject',
    method: 'PUT',
    bucket,
    key,
    headers: { ...storageHeaders(options), 'if-none-match': '*' },
    body: bodyOf(Buffer.from('probe'), signsBodies(options)),
    signal,
  };
  const versions: (string | undefined)[] = [];
  const remember = async (answer: S3Success): Promise<void> => {
    versions.push(answer.headers['x-amz-version-id']);
    await answer.body.dump();
  };
  let supported: boolean | undefined;
  await removeLeftover(client, bucket, probeKey(options, 'copy'), signal);
  try {
    const first = await client.exchange(put);
    if (!first.ok) {
      if (first.failure.status === 412 || first.failure.status === 409) return (supported = true);
      if (isUnsupported(first.failure)) return (supported = false);
      throw client.errorOf(first.failure, put);
    }
    await remember(first);
    const second = await client.exchange(put);
    if (second.ok) {
      await remember(second);
      return (supported = false);
    }
    // A conflict is the same refusal, at a store that is still writing the first.
    if (second.failure.status === 412 || second.failure.status === 409) return (supported = true);
    if (isUnsupported(second.failure)) return (supported = false);
    throw client.errorOf(second.failure, put);
  } finally {
    // A store that refused the feature kept nothing; one whose answer was lost may have.
    if (supported !== false || versions.length > 0) await removeProbe(client, bucket, key, versions);
  }
};

/** A probe of copying is made where documents are copied; what a kill has left of one goes here. */
const removeLeftover = async (
  client: S3Client,
  bucket: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const answer = await client.exchange({ operation: 'HeadObject', method: 'HEAD', bucket, key, signal });
  if (!answer.ok) return; // what is wrong with the store, the probe itself will say
  await answer.body.dump();
  await removeProbe(client, bucket, key, []);
};

/** Removes the object that a probe may have made, by the versions that it is known to have. */
export const removeProbe = async (
  client: S3Client,
  bucket: string,
  key: string,
  versions: readonly (string | undefined)[],
): Promise<void> => {
  const known = versions.length === 0 ? [undefined] : versions;
  for (const version of known) {
    const named = version === undefined || version === 'null' ? {} : { query: { versionId: version } };
    const request: S3Request = {
      operation: 'DeleteObject',
      method: 'DELETE',
      bucket,
      key,
      ...named,
      signal: AbortSignal.timeout(10_000),
    };
    const answer = await client.exchange(request);
    if (answer.ok) await answer.body.dump();
    else if (answer.failure.code !== 'NoSuchKey') {
      const error = client.errorOf(answer.failure, request);
      throw new AppError(error.code, `a probe could not be removed again, please delete it: ${error.message}`, {
        cause: error,
      });
    }
  }
};
