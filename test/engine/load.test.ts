import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { basic, createPlace, PASSWORD, send } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

const CONNECTIONS = 100;
const REQUESTS = 10_000;
/** On a machine with much memory, a heap would otherwise be collected late, and grow without anything being kept. */
const SMALL_HEAP = '--max-old-space-size=96 --max-semi-space-size=8';
/** Of each ten requests, one writes. */
const WRITE_EVERY = 10;

/** What the process holds in memory, as the kernel counts it. */
const residentBytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
};

test('10,000 requests over 100 connections: nothing is lost, and memory stays flat', async (context) => {
  await using place = await createPlace();
  await using engine = await EngineProcess.start(['-c', await place.configure()], {
    environment: { NODE_OPTIONS: SMALL_HEAP },
  });
  const base = new URL(engine.urlOf('catalog'));
  await send(base.origin, 'POST', '/v1/objects/raw/load/seed', { body: 'x'.repeat(2000) });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = { authorization: basic('admin', PASSWORD) };

  const one = (method: string, path: string, body?: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const sent = request({ agent, host: base.hostname, port: base.port, method, path, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });

  const written = new Map<string, string>();
  let next = 0;
  const worker = async (until: number): Promise<void> => {
    for (let index = next++; index < until; index = next++) {
      if (index % WRITE_EVERY === 0) {
        const path = `/v1/objects/raw/load/${index}`;
        const body = `document ${index} `.repeat(50);
        assert.equal((await one('POST', path, body)).status, 200);
        written.set(path, body);
      } else {
        const { status, text } = await one('GET', '/v1/objects/raw/load/seed');
        assert.equal(status, 200);
        assert.equal(text.length, 2000);
      }
    }
  };
  const runTo = (until: number): Promise<unknown> =>
    Promise.all(Array.from({ length: CONNECTIONS }, () => worker(until))).then(() => {
      next = until;
    });

  const pid = engine.child.pid ?? 0;
  await runTo(REQUESTS / 2);
  const halfway = await residentBytes(pid);
  await runTo(REQUESTS);
  const end = await residentBytes(pid);
  assert.equal(written.size, REQUESTS / WRITE_EVERY);
  await Promise.all([...written].map(async ([path, body]) => assert.equal((await one('GET', path)).text, body)));
  const [rows] = await place.database.query<{ count: string }>(
    `SELECT count(*) AS count FROM archive_metadata WHERE bucket = 'load'`,
  );
  assert.equal(Number(rows?.count), REQUESTS / WRITE_EVERY + 1);
  agent.destroy();
  context.diagnostic(`resident: ${halfway / 1e6} MB after half of them, ${end / 1e6} MB after all`);
  // The first half has made the heap what it is; the second may not make it much larger.
  assert.ok(end < halfway + 25_000_000, `memory grew from ${halfway} to ${end} bytes`);
});
