import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_BUNDLE } from '../../src/engine/policies/default-bundle.ts';
import { type ServedPlace, servePlace } from './engine.ts';

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;

describe('policies', () => {
  let served: ServedPlace;
  before(async () => {
    served = await servePlace();
  });
  after(() => served[Symbol.asyncDispose]());

  test("the list is the table of the operator's guide", async () => {
    const { code, out, err } = await served.cli(['policy', 'list']);
    assert.equal(code, 0, err);
    const lines = out.split('\n');
    assert.equal(
      lines[0],
      'Policy ID                                   Active        Created                     Updated                     ',
    );
    assert.match(lines[1] ?? '', new RegExp(`^${DEFAULT_BUNDLE.id} {8}True {10}${TIME} {8}${TIME} {8}$`));
    assert.equal(lines.length, 3);
  });

  test('get --detail prints the bundle, with sorted keys', async () => {
    const { code, out } = await served.cli(['policy', 'get', DEFAULT_BUNDLE.id, '--detail']);
    assert.equal(code, 0);
    assert.match(
      out,
      new RegExp(
        `^\\{\n {4}"blacklisted_images": \\[\\],\n {4}"comment": "Default bundle",\n {4}"id": "${DEFAULT_BUNDLE.id}",\n`,
      ),
    );
    assert.deepEqual(JSON.parse(out), DEFAULT_BUNDLE);
  });

  test('add, activate, list, delete', async () => {
    const file = join(served.place.folder, 'bundle.json');
    await writeFile(file, JSON.stringify({ ...DEFAULT_BUNDLE, id: 'mine/1', comment: 'größer' }));
    const added = await served.cli(['policy', 'add', file]);
    assert.equal(added.code, 0, added.err);
    assert.match(
      added.out,
      new RegExp(`^Policy ID: mine/1\nActive: False\nSource: local\nCreated: ${TIME}\nUpdated: ${TIME}\n$`),
    );
    const got = await served.cli(['policy', 'get', 'mine/1', '--detail']);
    assert.match(got.out, /"comment": "gr\\u00f6\\u00dfer"/);

    const activated = await served.cli(['policy', 'activate', 'mine/1']);
    assert.equal(activated.code, 0, activated.err);
    assert.equal(activated.out, 'Success: mine/1 activated\n');
    const listing = await served.cli(['policy', 'list']);
    assert.equal(listing.code, 0, listing.err);
    const listed = listing.out.split('\n');
    assert.match(listed[1] ?? '', /^mine\/1 +True/);
    assert.match(listed[2] ?? '', /^2c53a13c\S+ +False/);

    const refused = await served.cli(['policy', 'del', 'mine/1']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^Error: .*active.*\n {2}code: {4}request\.conflict \(HTTP 409\)\n {2}remedy: {2}\S/);
    assert.equal((await served.cli(['policy', 'activate', DEFAULT_BUNDLE.id])).code, 0);
    assert.equal((await served.cli(['policy', 'del', 'mine/1'])).out, 'Success\n');
    assert.equal((await served.cli(['policy', 'get', 'mine/1'])).code, 1);
  });

  test('numbers that no double holds survive being activated', async () => {
    const bundle = JSON.stringify({ ...DEFAULT_BUNDLE, id: 'exact' }).replace(
      /}$/,
      ',"extra":[12345678901234567890,1.50]}',
    );
    assert.equal((await served.cli(['policy', 'add', '-'], { input: bundle })).code, 0);
    assert.equal((await served.cli(['policy', 'activate', 'exact'])).code, 0);
  });

  test('errors name the file, the service names the place', async () => {
    const missing = await served.cli(['policy', 'add', '/nowhere/bundle.json']);
    assert.equal(missing.code, 2);
    assert.match(missing.err, /\/nowhere\/bundle\.json: ENOENT/);
    const broken = await served.cli(['policy', 'add', '-'], { input: '{"id": ' });
    assert.equal(broken.code, 2);
    assert.match(broken.err, /not JSON/);
    const invalid = await served.cli(['policy', 'add', '-'], { input: '{"id": "x"}' });
    assert.equal(invalid.code, 1);
    assert.match(invalid.err, /version: expected "1_0"/);
    const none = await served.cli(['--json', 'policy', 'get', 'none']);
    assert.equal(none.code, 1);
    assert.equal(JSON.parse(none.out).httpcode, 404);
  });
});
