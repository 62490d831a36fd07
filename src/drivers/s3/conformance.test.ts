import { startFauxqs } from '../../../test/support/fauxqs.ts';
import type { ConformanceSubject } from '../conformance/subject.ts';
import { runConformance } from '../conformance/suite.ts';
import type { S3Options } from './config.ts';
import { openS3Driver } from './driver.ts';

const OPTIONS = {
  bucket: 'conformance',
  credentials: { kind: 'static', accessKey: 'test', secretKey: 'test', sessionToken: undefined },
  region: undefined,
  createBucket: true,
  prefix: 'a prefix/',
  addressingStyle: 'path',
  caFile: undefined,
  verify: true,
  sse: undefined,
  storageClass: undefined,
  checksum: 'md5',
} as const satisfies Omit<S3Options, 'url'>;

const onFauxqs = (name: string, options: Partial<S3Options> = {}, quirks: ConformanceSubject['quirks'] = {}): ConformanceSubject => ({
  name,
  quirks,
  open: async () => {
    const server = await startFauxqs();
    const driver = await openS3Driver({ ...OPTIONS, url: server.url, ...options }, { environment: {} });
    return { driver, remove: async () => server[Symbol.asyncDispose]() };
  },
});

runConformance(onFauxqs('s3 on fauxqs'));
