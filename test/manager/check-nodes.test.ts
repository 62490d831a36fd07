import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Finished, runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';

interface Node {
  readonly config: string;
  readonly archive: string;
  readonly store: string | null;
  readonly agrees: boolean;
  readonly fits: string;
  readonly findings: readonly { readonly code?: string; readonly message: string }[];
  readonly unknown: string | null;
}

describe('check --nodes', () => {
  let folder = '';
  let database: TestDatabase;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'test-check-nodes-'));
    database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
  });
  after(async () => {
    await database[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const check = (files: readonly string[], ...more: readonly string[]): Promise<Finished> =>
    runManager(['archivestorage', '--db-connect', database.url, 'check', '--nodes', ...files, ...more]);

  /** A node's file; `catalog` is what stands under `services.catalog`, none for a node without one. */
  const write = async (name: string, catalog: string): Promise<string> => {
    const file = join(folder, name);
    const services = catalog === '' ? '  apiext: {enabled: true}' : `  catalog:\n    ${catalog}`;
    await writeFile(file, `services:\n${services}\n`);
    return file;
  };

  test('files that say the same in other words agree, and fit where the documents are', async () => {
    const one = await write('one.yaml', 'archive: {storage_driver: {name: db, config: {}}}');
    const two = await write('two.yaml', 'object_store: {compression: {enabled: false, min_size_kbytes: 100}}');
    const answer = await check([one, two]);
    assert.equal(answer.code, 0, answer.stdout + answer.stderr);
    assert.match(answer.stdout, /^configuration +archive +driver +store +compression +like the others +fits/);
    assert.match(answer.stdout, /one\.yaml +object_store +db +table public\.archive_document .* off +yes +yes/);
    assert.match(answer.stdout, /^In order: 2 archives in 2 files agree with each other$/m);
    assert.deepEqual(await database.query('SELECT * FROM archive_metadata WHERE bucket LIKE $1', ['anchorecli%']), []);
  });

  test('which differ is said, with file, line and both values, but no secret', async () => {
    const s3 = (secret: string, rest: string): string =>
      `object_store:\n      compression: {enabled: true}\n      storage_driver:\n        name: s3\n        config: {bucket: b, url: 'http://127.0.0.1:9', access_key: a, secret_key: ${secret}${rest}}`;
    const files = [
      await write('a.yaml', s3('secret-one', '')),
      await write('b.yaml', s3('secret-one', '')),
      await write('c.yaml', s3('secret-two', '')),
      await write('d.yaml', s3('secret-one', ', prefix: p/')),
      await write('e.yaml', 'object_store: {storage_driver: {name: db}}'),
    ];
    const answer = await check(files);
    assert.equal(answer.code, 5, answer.stdout + answer.stderr);
    const path = 'services\\.catalog\\.object_store';
    for (const expected of [
      `c\\.yaml:\\d+ ${path}\\.storage_driver\\.config\\.secret_key: "\\*\\*\\*\\*"; .*a\\.yaml:\\d+ has another one`,
      `d\\.yaml:\\d+ ${path}\\.storage_driver\\.config\\.prefix: "p/"; .*a\\.yaml:\\d+ has nothing`,
      `e\\.yaml:\\d+ ${path}\\.storage_driver\\.name: "db"; .*a\\.yaml:\\d+ has "s3"`,
      `e\\.yaml:\\d+ ${path}\\.compression\\.enabled: false; .*a\\.yaml:\\d+ has true`,
      'NOT in order: of 5 archives in 5 files, 3 differ from the others, 4 do not fit where the documents are',
    ])
      assert.match(answer.stdout, new RegExp(expected));
    assert.doesNotMatch(answer.stdout + answer.stderr, /secret-(one|two)/);
    assert.doesNotMatch(answer.stdout, /e\.yaml:\d+ \S+config\.bucket/, 'options of another driver');
  });

  test('before and after a migration each file is compared with where the archive is', async () => {
    const root = join(folder, 'documents');
    const from = await write('config.yaml', 'object_store: {storage_driver: {name: db, config: {}}}');
    const to = await write(
      'dest.yaml',
      `object_store: {storage_driver: {name: localfs, config: {archive_data_dir: '${root}'}}}`,
    );
    const nodeOf = async (file: string): Promise<{ code: number | null; node: Node }> => {
      const { code, stdout } = await check([file], '--json');
      const [node] = (JSON.parse(stdout) as { nodes: Node[] }).nodes;
      assert.ok(node);
      return { code, node };
    };
    const early = await nodeOf(to);
    assert.equal(early.code, 5);
    assert.equal(early.node.findings[0]?.code, 'refused.unreadable-documents');
    // A folder that is not here says nothing of the machine on which it is.
    assert.match(early.node.unknown ?? '', /there is no such folder/);

    const migrated = await runManager([
      'archivestorage',
      '--db-connect',
      database.url,
      'migrate',
      from,
      to,
      '--dontask',
    ]);
    assert.equal(migrated.code, 0, migrated.stderr);
    const [old, current] = [await nodeOf(from), await nodeOf(to)];
    assert.equal(old.code, 5);
    assert.equal(old.node.fits, 'no');
    assert.match(
      old.node.findings[0]?.message ?? '',
      /^500 documents cannot be read .*; since migration 1 the archive is in folder /,
    );
    assert.deepEqual([current.code, current.node.fits, current.node.findings], [0, 'yes', []]);
    assert.equal((await check([from, to])).code, 5);
  });

  test('files without a catalog, with other databases, and none at all', async () => {
    const front = await write('front.yaml', '');
    const one = await write('one.yaml', 'object_store: {storage_driver: {name: db}}');
    const answer = await check([one, front]);
    assert.match(answer.stdout, /front\.yaml +no catalog/);
    const none = await runManager(['archivestorage', 'check']);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /or give --nodes/);
    const missing = await check([one, join(folder, 'none.yaml')]);
    assert.equal(missing.code, 2);
    const alone = await runManager(['archivestorage', 'check', '--nodes', one], {
      ANCHORE_DB_CONNECT: `embedded:${folder}/nowhere`,
    });
    assert.equal(alone.code, 0, alone.stderr);
    assert.match(alone.stderr, /No database is named, so nothing is compared/);
    assert.match(alone.stdout, /\? +off +yes +unknown/);
  });
});
