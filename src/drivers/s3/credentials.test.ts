import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { s3Options } from '../../../test/support/s3-options.ts';
import { startScriptedServer } from '../../../test/support/scripted-http.ts';
import { redact } from '../../core/secrets.ts';
import { S3Client } from './client.ts';
import { openCredentials } from './credentials.ts';
import { openEndpoint } from './endpoint.ts';
import { createSigner } from './signing.ts';
import { openTransport } from '../http/transport.ts';

const CHAIN = { kind: 'chain' } as const;

describe('credentials of the AWS chain', () => {
  test('a chain that finds none says so', async () => {
    const source = openCredentials(CHAIN, async () => async () => {
      throw new Error('no provider had any');
    });
    await assert.rejects(source.get(), { code: 'store.credentials' });
  });

  test('their secret never shows', async () => {
    const found = { accessKeyId: 'ASIA1', secretAccessKey: 'secret-of-the-chain', sessionToken: 'token-of-the-chain' };
    const source = openCredentials(CHAIN, async () => async () => found);
    await source.get();
    assert.equal(redact('secret-of-the-chain token-of-the-chain'), '**** ****');
    assert.equal(source.keyId(), 'ASIA1');
  });

  test('expired ones are renewed once, and the request is sent again', async () => {
    let renewals = 0;
    const source = openCredentials(CHAIN, async () => async (options) => {
      if (options?.forceRefresh === true) renewals += 1;
      return { accessKeyId: `ASIA${renewals}`, secretAccessKey: `secret number ${renewals}` };
    });
    const expired = { status: 400, body: '<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>' };
    await using server = await startScriptedServer(({ headers }) =>
      headers.authorization?.includes('ASIA1') === true ? { status: 200 } : expired,
    );
    const transport = await openTransport({ verify: true, environment: {} });
    const endpoint = openEndpoint(s3Options({ url: server.url }));
    const client = new S3Client({
      transport,
      endpoint,
      credentials: source,
      signer: createSigner(source),
      region: undefined,
    });
    const request = { operation: 'GetObject', method: 'GET', bucket: 'b', key: 'k' } as const;
    await (await client.send(request)).body.dump();
    assert.deepEqual([renewals, server.requests.length], [1, 2]);
    server.script = () => expired;
    await assert.rejects(client.send(request), { code: 'store.credentials' });
    assert.deepEqual([renewals, server.requests.length], [2, 4]);
    await transport.destroy();
  });
});
