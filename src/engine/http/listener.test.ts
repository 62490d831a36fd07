import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openListener } from './listener.ts';

const settings = (port: number) =>
  ({ name: 'catalog', listen: '127.0.0.1', port, endpointHostname: '127.0.0.1', tls: undefined }) as const;
const open = (port: number) => openListener(settings(port), () => new Response(), 1000);

test('a port that is taken is named', async () => {
  const first = await open(0);
  try {
    await assert.rejects(open(first.port), (error: unknown) => {
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, 'service.address');
      assert.match(error.message, new RegExp(`^catalog cannot listen on 127\\.0\\.0\\.1:${first.port}: `));
      return true;
    });
  } finally {
    await first.close();
  }
});
