import type { S3Options } from '../../src/drivers/s3/config.ts';

/** Options of a bucket `archive` with everything else as an operator gets it who sets nothing. */
export const s3Options = (changes: Partial<S3Options>): S3Options => ({
  bucket: 'archive',
  credentials: { kind: 'static', accessKey: 'AKIDTEST', secretKey: 'the-secret-of-this-test', sessionToken: undefined },
  url: undefined,
  region: undefined,
  createBucket: false,
  prefix: '',
  addressingStyle: 'path',
  caFile: undefined,
  verify: true,
  sse: undefined,
  storageClass: undefined,
  checksum: 'md5',
  ...changes,
});
