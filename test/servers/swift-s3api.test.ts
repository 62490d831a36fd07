import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getRunning } from '../../scripts/servers/running.ts';
import { runConformance } from '../../src/drivers/conformance/suite.ts';
import { makeKey, md5Of, payloadOf, refOf, textBytes } from '../../src/drivers/conformance/samples.ts';
import { openS3Driver } from '../../src/drivers/s3/driver.ts';
import { s3Cases } from './s3-cases.ts';
import { s3FaultCases } from './s3-faults.ts';
import { optionsFor, subjectOn } from './s3-subject.ts';

runConformance(subjectOn('swift', {}, { prefix: 'a prefix/' }));

s3Cases('swift', 'us-east-1', {
  conditionalPut: false,
  checksums: ['none'],
  objectLock: false,
  controlCharacters: true,
  documents: 60,
});

s3FaultCases('swift');

test('credentials without rights are named, never the secret', async () => {
  const options = await optionsFor('swift');
  assert.equal(options.credentials.kind, 'static');
  await using driver = await openS3Driver(options, { environment: {} });
  await driver.prepare();
  const key = makeKey();
  const { url } = await driver.put(key, payloadOf(textBytes('x')), { mode: 'create' });
  const { credentials } = await getRunning('swift');
  const accessKey = credentials['reader'] ?? '';
  const { secretKey } = options.credentials;
  const reading = { ...options, credentials: { ...options.credentials, accessKey } };
  await using reader = await openS3Driver(reading, { environment: {} });
  for (const work of [
    async () => reader.get(refOf(key, url)),
    async () => reader.head(refOf(key, url)),
    async () => reader.put(makeKey(), payloadOf(textBytes('x')), { mode: 'create' }),
    async () => reader.copyWithin?.(refOf(key, url), makeKey(), { md5: md5Of(textBytes('x')), sizeBytes: 1 }),
    async () => Array.fromAsync(reader.list()),
  ]) {
    await assert.rejects(work, (error: Error & { code?: string }) => {
      assert.equal(error.code, 'store.denied', String(error));
      assert.ok(error.message.includes(accessKey) && !error.message.includes(secretKey), error.message);
      return true;
    });
  }
  const [outcome] = await reader.delete([{ ref: refOf(key, url), md5: undefined }]);
  assert.equal(outcome?.outcome === 'failed' && outcome.error.code, 'store.denied');
});
