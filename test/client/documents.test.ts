import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { PASSWORD } from '../engine/engine-harness.ts';
import { CLI } from './cli.ts';
import { type ServedPlace, servePlace } from './engine.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Nothing that a path, a file's name or a shell could take for something else. */
const ODD_IDS = [
  'a/b',
  '..',
  '.',
  '.hidden',
  '100%',
  '%41',
  'a b+c',
  '?x#y',
  'größe',
  '\\',
  'quote\'"',
  'line\nbreak',
  '-o',
];

/** Those of them that are named on the command line as they are. */
const EXACT_IDS = ['a/b', '..', '-o', '%41'];

const percentEncoded = (id: string): string =>
  [...Buffer.from(id)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

describe('documents', () => {
  let served: ServedPlace;
  let folder = '';
  before(async () => {
    served = await servePlace();
    folder = served.place.folder;
  });
  after(() => served[Symbol.asyncDispose]());

  test('JSON is stored as a document, and comes back byte by byte', async () => {
    const value = ' {"a": 12345678901234567890, "ü": [1.0]}\n';
    const put = await served.cli(['document', 'put', 'json', '-', '--id', 'x'], { input: value });
    assert.equal(put.code, 0, put.err);
    assert.match(put.out, /^Stored 1 document, 4\d bytes\n$/);
    assert.equal((await served.cli(['document', 'get', 'json', 'x'])).out, value);
    assert.equal((await served.cli(['document', 'get', 'json', 'x', '--raw'])).out, `{"document": ${value}}`);
    const direct = await fetch(`${served.url}/objects/json/x`, {
      headers: { authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}` },
    });
    assert.equal(await direct.text(), `{"document": ${value}}`);
  });

  test('what is not JSON is refused here, and stored with --raw', async () => {
    const refused = await served.cli(['document', 'put', 'raw', '-', '--id', 'x'], { input: '1, "document": 2' });
    assert.equal(refused.code, 2);
    assert.match(refused.err, /not JSON.*\n.*\n {2}remedy: {2}.*--raw/);
    const bytes = randomBytes(3_000_000);
    const put = await served.cli(['document', 'put', 'raw', '-', '--id', 'x', '--raw'], { input: bytes });
    assert.equal(put.code, 0, put.err);
    assert.equal(sha256((await served.cli(['document', 'get', 'raw', 'x', '--raw'])).stdout), sha256(bytes));
    const asJson = await served.cli(['document', 'get', 'raw', 'x']);
    assert.equal(asJson.code, 1);
    assert.match(asJson.err, /Get its bytes with --raw/);
  });

  test('keys are exact, whatever they hold', async () => {
    const source = join(folder, 'source');
    await mkdir(source);
    for (const id of ODD_IDS) await writeFile(join(source, percentEncoded(id)), `=${id}`);
    const put = await served.cli(['document', 'put', 'odd/bucket', source, '--raw']);
    assert.equal(put.code, 0, put.err);
    for (const id of EXACT_IDS) {
      const one = await served.cli(['document', 'put', 'odd/bucket', '-', `--id=${id}`, '--raw'], { input: `=${id}` });
      assert.equal(one.code, 0, one.err);
    }
    const rows = await served.place.database.query<{ archiveId: string }>(
      `SELECT "archiveId" FROM archive_metadata WHERE bucket = 'odd/bucket'`,
    );
    assert.deepEqual(rows.map(({ archiveId }) => archiveId).toSorted(), ODD_IDS.toSorted());
    for (const id of EXACT_IDS) {
      const got = await served.cli(['document', 'get', '--raw', '--', 'odd/bucket', id]);
      assert.equal(got.out, `=${id}`, got.err);
    }
  });

  test('a whole bucket goes to a folder and back', async () => {
    const target = join(folder, 'odd');
    const got = await served.cli(['document', 'get', 'odd/bucket', '--all', '--raw', '--folder', target]);
    assert.equal(got.code, 0, got.err);
    const files = await readdir(target);
    assert.equal(files.length, ODD_IDS.length);
    assert.ok(
      files.every((file) => !file.startsWith('.')),
      files.join(),
    );
    const put = await served.cli(['document', 'put', 'back', target, '--raw']);
    assert.equal(put.code, 0, put.err);
    const { out } = await served.cli(['--json', 'document', 'list', 'back']);
    const listed = JSON.parse(out) as { archiveid: string }[];
    assert.deepEqual(listed.map(({ archiveid }) => archiveid).toSorted(), ODD_IDS.toSorted());
  });

  test('many at once; one that fails holds up no other', async () => {
    const source = join(folder, 'many');
    await mkdir(source);
    const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
    await Promise.all(names.map((name) => writeFile(join(source, name), JSON.stringify({ name }))));
    await writeFile(join(source, 'broken'), '{');
    const put = await served.cli(['document', 'put', 'many', source, '--concurrency', '4']);
    assert.equal(put.code, 2);
    assert.match(put.out, /^Stored 60 documents, .*; 1 failed\n$/);
    assert.match(put.err, /many\/broken: Error: .*not JSON/);
    const target = join(folder, 'fetched');
    const got = await served.cli(['--json', 'document', 'get', 'many', ...names, 'none', '--folder', target]);
    assert.equal(got.code, 1, got.err);
    const result = JSON.parse(got.out);
    assert.equal(result.documents, 60);
    assert.deepEqual(
      result.failed.map((failure: { archiveid: string }) => failure.archiveid),
      ['none'],
    );
    assert.deepEqual((await readdir(target)).toSorted(), names.toSorted());
    assert.equal(await readFile(join(target, 'n7'), 'utf8'), '{"name":"n7"}');
    const gone = await served.cli(['document', 'delete', 'many', ...names.slice(1), 'none']);
    assert.equal(gone.code, 1);
    assert.match(gone.out, /^Deleted 59 documents; 1 failed\n$/);
    assert.match(
      (await served.cli(['document', 'list', 'many'])).out,
      /^Bucket +ID +Stored Bytes +Compressed +Updated +\nmany +n0 +\d+ +False +\S+Z +\n$/,
    );
  });

  test('a large document goes through without being held in memory', async () => {
    const file = join(folder, 'large');
    const bytes = Buffer.alloc(30 * 1024 * 1024, 'large document ');
    await writeFile(file, bytes);
    const put = await served.cli(['document', 'put', 'large', file, '--raw']);
    assert.equal(put.code, 0, put.err);
    const got = await served.cli(['document', 'get', 'large', 'large', '--raw', '--output', join(folder, 'again')]);
    assert.equal(got.code, 0, got.err);
    assert.equal(sha256(await readFile(join(folder, 'again'))), sha256(bytes));
    const script = `'${CLI}' document get large large --raw | head -c 14`;
    const { ANCHORE_CLI_URL: _, ...inherited } = process.env;
    const { stdout, stderr } = await promisify(execFile)('/bin/sh', ['-c', script], {
      env: { ...inherited, ANCHORE_CLI_URL: served.url, ANCHORE_CLI_USER: 'admin', ANCHORE_CLI_PASS: PASSWORD },
    });
    assert.deepEqual([stdout, stderr], ['large document', ''], 'a reader that has seen enough is no error');
  });

  test('what cannot be meant is said', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['get', 'b', 'x', 'y'], /several documents need a --folder/],
      [['get', 'b'], /name documents by their IDs/],
      [['get', 'b', 'x', '--all', '--folder', 'f'], /name documents by their IDs/],
      [['get', 'b', 'x', '-o', 'f', '--folder', 'g'], /exclude each other/],
      [['get', 'json', 'x', '-o', '/nowhere/f'], /\/nowhere\/f: ENOENT/],
      [['get', 'b', 'x'.repeat(300), '--folder', join(folder, 'f')], /too long for the name of a file/],
      [['put', 'b', '-'], /standard input has no name/],
      [['put', 'b', 'x', 'y', '--id', 'z'], /give one file/],
      [['put', 'b', folder, '--id', 'x', '--raw'], /it is a folder/],
      [['put', 'b', '/nowhere/x'], /\/nowhere\/x: ENOENT/],
      [['put', 'b', '/nowhere%zz'], /\/nowhere%zz: ENOENT|two hexadecimal digits/],
      [['put', 'b', 'x', '--concurrency', '0'], /from 1 to 64/],
    ];
    for (const [args, expected] of cases) {
      const { code, err } = await served.cli(['document', ...args]);
      assert.equal(code, 2, err);
      assert.match(err, expected);
    }
    const policies = await served.cli(['document', 'put', 'policy_bundles', '-', '--id', 'x'], { input: '1' });
    assert.equal(policies.code, 1);
    assert.match(policies.err, /\/v1\/policies/);
  });
});
