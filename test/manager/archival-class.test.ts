import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type S3Server, startFauxqs } from '../support/fauxqs.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { createConfigs, type TemporaryConfigs } from './temporary-configs.ts';

let configs: TemporaryConfigs;
let database: TestDatabase;
let s3: S3Server;
let from: string;

before(async () => {
  configs = await createConfigs();
  s3 = await startFauxqs();
  await s3.createBucket('archive');
  from = await configs.write('config.yaml', 'db');
  database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
});

after(async () => {
  await database.drop();
  await s3[Symbol.asyncDispose]();
  await configs[Symbol.asyncDispose]();
});

const run = (...args: readonly string[]) => runManager(['archivestorage', '--db-connect', database.url, ...args]);
const options = (more = ''): string =>
  `{url: '${s3.url}', bucket: archive, access_key: AKIA, secret_key: hidden${more}}`;

test('an archival class at the destination: plan says it, migrate refuses it even with --force, nothing is written', async () => {
  const to = await configs.write('cold.yaml', 's3', options(', storage_class: DEEP_ARCHIVE'));
  const planned = await run('plan', from, to);
  assert.equal(planned.code, 3, planned.stderr);
  assert.match(planned.stdout, /storage_class\s+DEEP_ARCHIVE/);
  const migrated = await run('migrate', from, to, '--dontask', '--force');
  assert.equal(migrated.code, 3, migrated.stderr);
  assert.match(migrated.stderr, /Error: storage_class DEEP_ARCHIVE of the bucket "archive" is archival: /);
  assert.match(migrated.stderr, /code: {3}refused\.archival-class/);
  assert.deepEqual(await s3.listKeys('archive'), []);
});

test('a rule of the destination that archives what it gets: plan says it, and goes on', async () => {
  const to = await configs.write('dest-config.yaml', 's3', options());
  const rule =
    '<Rule><Status>Enabled</Status><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>';
  const answer = await fetch(`${s3.url}/archive?lifecycle`, {
    method: 'PUT',
    body: `<LifecycleConfiguration>${rule}</LifecycleConfiguration>`,
  });
  assert.ok(answer.ok, await answer.text());
  const { code, stdout, stderr } = await run('plan', from, to, '--json');
  assert.equal(code, 0, stderr);
  const { problems } = JSON.parse(stdout) as { readonly problems: readonly { severity: string; code: string }[] };
  assert.deepEqual(
    problems.filter(({ code: found }) => found === 'store.lifecycle').map(({ severity }) => severity),
    ['warn'],
  );
});
