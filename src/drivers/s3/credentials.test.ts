import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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

describe('the standard chain, against the credentials service of a container', () => {
  const before = { ...process.env };
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (before[name] === undefined) delete process.env[name];
    Object.assign(process.env, before);
  });

  test('credentials are taken from it, kept, and renewed before they expire', async () => {
    let served = 0;
    const validMs = [60_000, 3_600_000];
    await using service = await startScriptedServer(() => {
      const Expiration = new Date(Date.now() + (validMs[served] ?? 0)).toISOString();
      served += 1;
      const body = { AccessKeyId: `AKID${served}`, SecretAccessKey: `secret-${served}`, Token: 'token', Expiration };
      return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    });
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, {
      AWS_CONFIG_FILE: '/nonexistent/config',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.url}/credentials`,
    });
    const source = openCredentials({ kind: 'chain' });
    assert.equal((await source.get()).accessKeyId, 'AKID1');
    // Less than five minutes are left of the first: it still serves, while the next one is fetched.
    for (let tries = 0; tries < 200 && (await source.get()).accessKeyId === 'AKID1'; tries += 1) await sleep(10);
    assert.equal((await source.get()).secretAccessKey, 'secret-2');
    assert.equal((await source.get()).accessKeyId, 'AKID2');
    assert.equal(source.keyId(), 'AKID2');
    assert.equal(served, 2);
    assert.doesNotMatch(redact('it says secret-2'), /secret-2/);
  });
});
