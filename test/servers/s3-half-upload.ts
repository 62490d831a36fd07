/**
 * A process of its own that begins to store an object in parts and never ends: the test that started it kills it. It is
 * told by a message what to store where, and says when it is half-way.
 */
import { makeBytes, streamOf } from '../../src/drivers/conformance/samples.ts';
import type { DocumentKey } from '../../src/drivers/contract.ts';
import type { S3Options } from '../../src/drivers/s3/config.ts';
import { openS3Driver } from '../../src/drivers/s3/driver.ts';
import type { PartSizes } from '../../src/drivers/s3/multipart-parts.ts';

export interface HalfUpload {
  readonly options: S3Options;
  readonly partSizes: PartSizes;
  readonly key: DocumentKey;
}

// Not even where the test itself was killed does it stay.
process.once('disconnect', () => process.exit(1));
process.once('message', ({ options, partSizes, key }: HalfUpload) => {
  const bytes = makeBytes(2 * partSizes.multipartBytes, 'half');
  const payload = {
    ...streamOf(bytes),
    open: async function* () {
      yield bytes.subarray(0, partSizes.multipartBytes);
      process.send?.('half');
      await new Promise(() => undefined);
    },
  };
  void (async () => {
    const driver = await openS3Driver(options, { environment: {}, partSizes });
    await driver.put(key, payload, { mode: 'create' });
  })();
});
