import { randomBytes } from 'node:crypto';
import { getRunning } from '../../scripts/servers/running.ts';
import type { ConformanceSubject, Quirks } from '../../src/drivers/conformance/subject.ts';
import type { Driver } from '../../src/drivers/contract.ts';
import type { S3Options } from '../../src/drivers/s3/config.ts';
import { s3Options } from '../support/s3-options.ts';
import { openS3Driver } from '../../src/drivers/s3/driver.ts';
import type { PartSizes } from '../../src/drivers/s3/multipart-parts.ts';

/** Options for a bucket of its own on a server that runs. */
export const optionsFor = async (server: string, changes: Partial<S3Options> = {}): Promise<S3Options> => {
  const { credentials } = await getRunning(server);
  return s3Options({
    bucket: `test-${randomBytes(8).toString('hex')}`,
    credentials: {
      kind: 'static',
      accessKey: credentials['s3AccessKey'] ?? '',
      secretKey: credentials['s3SecretKey'] ?? '',
      sessionToken: undefined,
    },
    url: credentials['s3Url'],
    createBucket: true,
    ...changes,
  });
};

const openOn = async (server: string, changes: Partial<S3Options> = {}, partSizes?: PartSizes): Promise<Driver> =>
  openS3Driver(await optionsFor(server, changes), { environment: {}, ...(partSizes && { partSizes }) });

/** The suite's subject on a server; the bucket stays until the server is stopped, with all its data. */
export const subjectOn = (
  server: string,
  quirks: Quirks,
  changes: Partial<S3Options> = {},
  partSizes?: PartSizes,
): ConformanceSubject => ({
  name: `s3 on ${server}${partSizes === undefined ? '' : ' in parts'}, ${JSON.stringify(changes)}`,
  quirks,
  open: async () => ({ driver: await openOn(server, changes, partSizes) }),
});
