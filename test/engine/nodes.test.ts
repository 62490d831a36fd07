import assert from 'node:assert/strict';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAppError } from '../../src/core/errors.ts';
import { startFauxqs } from '../support/fauxqs.ts';
import { runManager } from '../support/manager.ts';
import { createPlace, send, startIn, urlOf } from './engine-harness.ts';
import { EngineProcess } from './engine-process.ts';

const localfs = (folder: string): string =>
  `{storage_driver: {name: localfs, config: {archive_data_dir: '${folder}'}}}`;

const migrate = (from: string, to: string, ...more: readonly string[]) =>
  runManager(['archivestorage', 'migrate', from, to, '--dontask', ...more]);

test('two nodes as processes, a migration, and one that is started with its old config.yaml', async () => {
  await using place = await createPlace();
  const folder = join(place.folder, 'documents');
  const from = await place.configure({ name: 'config.yaml' });
  const old = await place.configure({ name: 'node-two.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(folder) });
  {
    await using one = await EngineProcess.start(['-c', from]);
    await using two = await EngineProcess.start(['-c', old]);
    for (const [id, node] of [
      ['a', one],
      ['b', two],
    ] as const)
      await send(node.urlOf('catalog'), 'POST', `/v1/objects/b/${id}`, { body: `{"document": "${id}"}` });
    assert.equal((await migrate(from, to)).code, 3, 'services run');
    assert.deepEqual([await one.end('SIGTERM'), await two.end('SIGTERM')], [0, 0]);
  }
  const migrated = await migrate(from, to);
  assert.equal(migrated.code, 0, migrated.stderr);

  const refused = await EngineProcess.start(['-c', old]).then(
    () => assert.fail('it started'),
    (error: unknown) => String(error),
  );
  assert.match(refused, /it ended with 3/);
  // How many, where they are, and what to configure. The two documents, and the policy bundle.
  assert.match(refused, /3 documents cannot be read with the configured driver db: 3 in localfs \(such as file:/);
  assert.match(refused, new RegExp(`since migration 1 the archive is in folder ${folder}`));
  assert.match(refused, /refused\.unreadable-documents/);
  assert.match(
    refused,
    new RegExp(
      `Set services\\.catalog\\.object_store \\(or archive\\) of ${old} to folder ${folder}, as it is in ${to}\\.`,
    ),
  );
  assert.deepEqual(await place.database.query('SELECT * FROM services'), [], 'it did not even say that it runs');

  await using engine = await EngineProcess.start(['-c', to]);
  for (const id of ['a', 'b'])
    assert.equal((await send(engine.urlOf('apiext'), 'GET', `/v1/objects/b/${id}`)).text, `{"document": "${id}"}`);
});

test('each service on its own machine, from its own configuration, on one database', async () => {
  await using place = await createPlace();
  const archive = localfs(join(place.folder, 'documents'));
  const front = await place.configure({ name: 'front.yaml', services: ['apiext'], archive });
  const back = await place.configure({ name: 'back.yaml', services: ['catalog'], archive });
  await using one = await EngineProcess.start(['-c', front]);
  await using two = await EngineProcess.start(['-c', back]);
  assert.doesNotMatch(one.stdout, /^catalog/m);
  assert.doesNotMatch(two.stdout, /^apiext/m);
  const body = '{"document": "from the other machine"}';
  assert.equal((await send(two.urlOf('catalog'), 'POST', '/v1/objects/b/x', { body })).status, 200);
  assert.equal((await send(one.urlOf('apiext'), 'GET', '/v1/objects/b/x')).text, body);
  for (const url of [one.urlOf('apiext'), two.urlOf('catalog')])
    assert.equal((await send(url, 'GET', '/health')).status, 200);
  const { service_states: states } = (await send(one.urlOf('apiext'), 'GET', '/v1/system')).json as {
    service_states: { hostid: string; servicename: string; status: boolean; base_url: string | null }[];
  };
  assert.deepEqual(
    states.filter(({ status }) => status).map(({ hostid, servicename, base_url }) => [hostid, servicename, base_url]),
    [
      ['host-front.yaml', 'apiext', one.urlOf('apiext')],
      ['host-back.yaml', 'catalog', two.urlOf('catalog')],
    ],
  );
  assert.equal(await two.end('SIGTERM'), 0);
  assert.deepEqual(await place.database.query('SELECT servicename FROM services'), [{ servicename: 'apiext' }]);
});

test('the store that the archive has left is refused, also where the driver reads all the same', async () => {
  await using place = await createPlace();
  const [first, second] = [join(place.folder, 'first'), join(place.folder, 'second')];
  const from = await place.configure({ name: 'config.yaml', archive: localfs(first) });
  const to = await place.configure({ name: 'dest-config.yaml', archive: localfs(second) });
  await (await startIn(from)).stop();
  const migrated = await migrate(from, to, '--nodelete');
  assert.equal(migrated.code, 0, migrated.stderr);
  await assert.rejects(startIn(from), (error) => {
    assert.ok(isAppError(error, 'refused.not-current'), String(error));
    assert.match(error.message, /since migration 1 the archive is in folder .*second, not in folder .*first/);
    assert.match(error.remedy, /to folder .*second, as it is in .*dest-config\.yaml/);
    return true;
  });
  await (await startIn(to)).stop();
  const undone = await runManager(['archivestorage', '--configfile', from, 'rollback', '1', '--dontask']);
  assert.equal(undone.code, 0, undone.stderr);
  await assert.rejects(startIn(to), (error) => isAppError(error, 'refused.not-current'));
  await (await startIn(from)).stop();

  // A folder that is not mounted is an empty one of the same name.
  await rename(first, join(place.folder, 'unmounted'));
  await mkdir(first);
  await assert.rejects(startIn(from), (error) => {
    assert.ok(isAppError(error, 'refused.unreadable-documents'), String(error));
    assert.match(error.message, /^of 1 documents that were looked for, none is in folder .*first \(such as file:/);
    return true;
  });
});

test('a store that no migration knows serves as long as it has the documents', async () => {
  await using s3 = await startFauxqs();
  for (const bucket of ['one', 'two']) await s3.createBucket(bucket);
  await using place = await createPlace();
  const archive = (bucket: string, prefix: string): string =>
    `{storage_driver: {name: s3, config: {url: '${s3.url}', bucket: ${bucket}, prefix: '${prefix}', access_key: a, secret_key: secret-b}}}`;
  const from = await place.configure({ name: 'config.yaml' });
  const to = await place.configure({ name: 'dest-config.yaml', archive: archive('one', 'p/') });
  await (await startIn(from)).stop();
  assert.equal((await migrate(from, to)).code, 0);
  const lines: string[] = [];
  const elsewhere = await place.configure({ name: 'elsewhere.yaml', archive: archive('two', 'q/') });
  await using engine = await startIn(elsewhere, {}, lines);
  assert.ok(
    lines.some((line) => /in s3 bucket \\"one\\" .*; new documents go to s3 bucket \\"two\\"/.test(line)),
    lines.join(''),
  );
  assert.equal((await send(urlOf(engine), 'GET', '/v1/policies?detail=True')).status, 200);

  await using other = await startFauxqs();
  await other.createBucket('one');
  const wrong = await place.configure({
    name: 'wrong.yaml',
    archive: archive('one', 'p/').replace(s3.url, other.url),
  });
  await assert.rejects(startIn(wrong), (error) => isAppError(error, 'refused.unreadable-documents'));
});

test('analyses in a store of their own: documents go there, and each of the two has its own guard', async () => {
  await using place = await createPlace();
  const folders = Object.fromEntries(
    ['documents', 'analyses', 'moved'].map((name) => [name, join(place.folder, name)]),
  );
  const configure = (name: string, analyses: string): Promise<string> =>
    place.configure({
      name,
      archive: localfs(folders['documents'] ?? ''),
      catalog: `    analysis_archive: ${localfs(folders[analyses] ?? '')}\n`,
    });
  const config = await configure('config.yaml', 'analyses');
  const dest = await configure('dest-config.yaml', 'moved');
  const paths = ['/v1/objects/analysis_archive/sha256:1', '/v1/objects/b/x'];
  const body = '{"document": 1}';
  {
    await using engine = await startIn(config);
    for (const path of paths) assert.equal((await send(urlOf(engine), 'POST', path, { body })).status, 200);
  }
  const urls = await place.database.query<{ bucket: string; content_url: string }>(
    'SELECT bucket, content_url FROM archive_metadata',
  );
  for (const { bucket, content_url: url } of urls)
    assert.ok(url.includes(bucket === 'analysis_archive' ? '/analyses/' : '/documents/'), url);

  const migrated = await migrate(config, dest, '--from-analysis-archive', '--to-analysis-archive');
  assert.equal(migrated.code, 0, migrated.stderr);
  await assert.rejects(startIn(config), (error) => {
    assert.ok(isAppError(error, 'refused.not-current'), String(error));
    assert.match(error.remedy, /services\.catalog\.analysis_archive of .*config\.yaml to folder .*moved/);
    return true;
  });
  // The ordinary archive has not moved.
  await using engine = await startIn(dest);
  for (const path of paths) assert.equal((await send(urlOf(engine), 'GET', path)).text, body);
  for (const path of paths) assert.equal((await send(urlOf(engine), 'DELETE', path)).status, 200);
  assert.equal((await send(urlOf(engine), 'GET', '/v1/objects')).status, 200);
});
