import { startFauxqs } from '../../../test/support/fauxqs.ts';
import { s3Options } from '../../../test/support/s3-options.ts';
import type { ConformanceSubject, Quirks } from '../conformance/subject.ts';
import { runConformance } from '../conformance/suite.ts';
import type { S3Options } from './config.ts';
import { openS3Driver } from './driver.ts';
import type { PartSizes } from './multipart-parts.ts';

const MIB = 1024 * 1024;

const onFauxqs = (
  name: string,
  options: Partial<S3Options>,
  quirks: Quirks = {},
  partSizes?: PartSizes,
): ConformanceSubject => ({
  name,
  quirks,
  open: async () => {
    const server = await startFauxqs();
    const driver = await openS3Driver(
      s3Options({ url: server.url, createBucket: true, prefix: 'a prefix/', ...options }),
      { environment: {}, ...(partSizes && { partSizes }) },
    );
    return { driver, remove: async () => server[Symbol.asyncDispose]() };
  },
});

runConformance(onFauxqs('s3 on fauxqs', {}, { copiesUnchecked: true }));
// Three parts: no server takes parts below 5 MiB, the last one apart.
const inParts = { multipartBytes: 100, partBytes: 5 * MIB };
runConformance(
  onFauxqs(
    's3 on fauxqs, all but the smallest in parts',
    { checksum: 'none' },
    { largeBytes: 12 * MIB, copiesUnchecked: true },
    inParts,
  ),
);
