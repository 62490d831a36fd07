import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSigner } from '../../src/drivers/s3/signing.ts';
import { createRequestSigner, encodePath } from './sign-request.ts';

test('the bare signature is the one that the S3 driver makes', async () => {
  const [accessKey, secretKey, region] = ['AKIDTEST', 'a secret', 'eu-west-7'];
  const sign = createRequestSigner({ url: 'http://127.0.0.1:9000', accessKey, secretKey, region, bucket: 'b' });
  const path = `/b/${encodePath('admin/analysis_data/sha256:0a(1)*')}`;
  const found = sign('PUT', path, { 'x-amz-copy-source': '/a/c' });
  const { authorization, ...headers } = found;
  const time = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(found['x-amz-date'] ?? '')?.slice(1) ?? [];
  const [year = '', month = '', day = '', ...clock] = time;
  const now = new Date(`${year}-${month}-${day}T${clock.join(':')}Z`);
  const credentials = {
    get: async () => ({ accessKeyId: accessKey, secretAccessKey: secretKey }),
    keyId: () => accessKey,
    refresh: async () => false,
  };
  const signed = await createSigner(credentials).sign({ method: 'PUT', path, query: {}, headers }, region, now);
  assert.equal(authorization, signed['authorization']);
});
