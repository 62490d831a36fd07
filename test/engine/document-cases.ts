import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Engine } from '../../src/engine/start-engine.ts';
import { basic, createPlace, type EnginePlace, PASSWORD, send, startIn, urlOf } from './engine-harness.ts';

export interface DocumentStore {
  /** YAML flow text of the archive's section. Called before the tests. */
  readonly archive: () => Promise<string>;
  /** Whether the store has names that it cannot hold, which are then refused as such. */
  readonly refusesNames?: boolean;
}

const SEED = Number(process.env['TEST_SEED'] ?? 7);
const RUNS = 14;

/** Names that paths, URLs and stores have a meaning of their own for. */
const AWKWARD = [
  '.',
  '..',
  '...',
  '/',
  '../x',
  'a//b',
  '%2F',
  '%',
  '?',
  '#',
  '&a=1',
  ' ',
  'raw',
  '+',
  '\\',
  '"',
  "'",
  '\n',
];

const name = fc.oneof(
  fc.constantFrom(...AWKWARD),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 24 })
    .filter((text) => !text.includes('\0') && text.isWellFormed()),
);

const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }).map((text) => new TextEncoder().encode(text)),
  // Beyond what stays in memory on the way, and what is compressed.
  fc.integer({ min: 1, max: 1_400_000 }).map((length) => new Uint8Array(length).fill(length % 251)),
);

/** Dots too: `.` and `..` are steps of a path otherwise. */
const encode = (text: string): string => encodeURIComponent(text).replaceAll('.', '%2E');

/** A request whose path is sent as it is; `fetch` would take `.` and `..` out, encoded or not. */
const sendExactly = (
  base: string,
  method: string,
  path: string,
  body?: Uint8Array,
): Promise<{ readonly status: number; readonly bytes: Buffer }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const headers = { 'authorization': basic('admin', PASSWORD), 'content-type': 'application/octet-stream' };
    const sent = request({ hostname, port, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, bytes: Buffer.concat(chunks) }));
    });
    sent.on('error', reject).end(body);
  });

/** What holds of documents over HTTP, whatever store they lie in. */
export const describeDocuments = (title: string, store: DocumentStore): void => {
  void describe(title, () => {
    let place: EnginePlace;
    let engine: Engine;
    let url = '';
    before(async () => {
      place = await createPlace();
      engine = await startIn(await place.configure({ archive: await store.archive() }));
      url = urlOf(engine, 'catalog');
    });
    after(async () => {
      await engine[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    });

    test('any bytes under any key come back, are replaced, and go', async () => {
      let held = 0;
      const property = async (archiveId: string, contents: readonly Uint8Array[]): Promise<void> => {
        const path = `/v1/objects/raw/bucket/${encode(archiveId)}`;
        for (const bytes of contents) {
          const put = await sendExactly(url, 'POST', path, bytes);
          if (store.refusesNames === true && put.status === 400) {
            assert.match(put.bytes.toString(), /store\.invalid-url/);
            assert.equal((await sendExactly(url, 'GET', path)).status, 404);
            return;
          }
          assert.equal(put.status, 200, put.bytes.toString());
          const got = await sendExactly(url, 'GET', path);
          assert.equal(got.status, 200);
          assert.ok(Buffer.from(bytes).equals(got.bytes), 'other bytes came back');
        }
        const [row] = await place.database.query<{ documentName: string; digest: string | null }>(
          'SELECT "documentName", digest FROM archive_metadata WHERE "archiveId" = $1',
          [archiveId],
        );
        assert.equal(row?.documentName, `${archiveId}.json`);
        assert.match(row?.digest ?? '', /^[0-9a-f]{32}$/);
        assert.equal((await sendExactly(url, 'DELETE', path)).status, 200);
        assert.equal((await sendExactly(url, 'GET', path)).status, 404);
        assert.equal((await sendExactly(url, 'DELETE', path)).status, 404);
        held += 1;
      };
      for (const awkward of AWKWARD) await property(awkward, [new TextEncoder().encode(`of ${awkward}`)]);
      await fc.assert(fc.asyncProperty(name, fc.array(content, { minLength: 1, maxLength: 3 }), property), {
        numRuns: RUNS,
        seed: SEED,
      });
      assert.ok(held > RUNS / 2, 'hardly any name was taken');
    });

    test('JSON documents stay as they were sent, under both names', async () => {
      const body = '{"document": {"large": 123456789012345678901234567890, "text": "ü\\u0000"}}';
      assert.equal((await send(url, 'POST', '/v1/archive/b/numbers', { body })).status, 200);
      assert.equal((await send(url, 'GET', '/v1/objects/b/numbers')).text, body);
      assert.equal((await send(url, 'GET', '/v1/archive/b/numbers')).text, body);
      for (const wrong of ['[1]', '{"other": 1}', '{', '{"document": 1, "more": 2}', 'null', '""', '{"document"}'])
        assert.equal((await send(url, 'POST', '/v1/objects/b/wrong', { body: wrong })).status, 400, wrong);
      await send(url, 'POST', '/v1/objects/raw/b/bytes', { body: 'not json' });
      assert.equal((await send(url, 'GET', '/v1/objects/b/bytes')).status, 409);
    });

    test('of many writers of one document one wins whole, and the row agrees with the bytes', async () => {
      const bodies = Array.from({ length: 8 }, (_, index) =>
        Uint8Array.from(randomBytes(20_000 + index * 3000)).fill(index, 0, 9000),
      );
      const path = '/v1/objects/raw/b/contested';
      for (let round = 0; round < 3; round += 1) {
        const answers = await Promise.all(bodies.map((body) => send(url, 'POST', path, { body })));
        assert.deepEqual(
          answers.map(({ status }) => status),
          bodies.map(() => 200),
        );
        const { status, bytes } = await sendExactly(url, 'GET', path);
        assert.equal(status, 200);
        assert.ok(bodies.some((body) => Buffer.from(body).equals(bytes)));
      }
      assert.deepEqual(await place.database.query('SELECT * FROM archive_engine_intent'), []);
    });

    test('writers, readers and deleters at once meet old or new content, or none', async () => {
      const path = '/v1/objects/raw/b/busy';
      const seen = new Set<string>();
      const bodies = new Set(['first', 'second', 'third']);
      const work = Array.from({ length: 30 }, async (_, index) => {
        if (index % 10 === 9) return void (await send(url, 'DELETE', path));
        if (index % 2 === 0) {
          const body = [...bodies][index % 3] ?? '';
          return assert.equal((await send(url, 'POST', path, { body })).status, 200);
        }
        const { status, bytes } = await sendExactly(url, 'GET', path);
        seen.add(status === 404 ? 'none' : bytes.toString());
        return undefined;
      });
      await Promise.all(work);
      for (const text of seen) assert.ok(text === 'none' || bodies.has(text), text);
    });
  });
};
