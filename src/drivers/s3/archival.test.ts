import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFauxqs } from '../../../test/support/fauxqs.ts';
import { s3Options } from '../../../test/support/s3-options.ts';
import { errorXml, withScriptedS3 } from '../../../test/support/scripted-s3.ts';
import type { ScriptedAnswer, ScriptedRequest } from '../../../test/support/scripted-http.ts';
import { payloadOf } from '../../archive/payload.ts';
import type { StoreCondition } from '../contract.ts';
import { openS3Driver } from './driver.ts';

const KEY = { userId: 'admin', bucket: 'analysis_data', archiveId: 'a', documentName: 'a.json' };

const told = (conditions: readonly StoreCondition[]): readonly string[] =>
  conditions.map(({ severity, concerns, error }) => `${severity} ${concerns} ${error.code}: ${error.message}`);

/** A bucket with this lifecycle configuration and this listing, and nothing else to be said of it. */
const bucketWith =
  (lifecycle: ScriptedAnswer, listing = '') =>
  ({ method, target }: ScriptedRequest): ScriptedAnswer => {
    if (method === 'HEAD') return { status: 200 };
    const query = target.slice(target.indexOf('?') + 1);
    if (query.startsWith('lifecycle')) return lifecycle;
    if (query.includes('list-type=2')) {
      return { status: 200, body: `<ListBucketResult><IsTruncated>false</IsTruncated>${listing}</ListBucketResult>` };
    }
    return { status: 404, body: errorXml('NoSuchConfiguration') };
  };

const NO_RULES: ScriptedAnswer = { status: 404, body: errorXml('NoSuchLifecycleConfiguration') };

for (const storageClass of ['GLACIER', 'DEEP_ARCHIVE', 'glacier']) {
  test(`storage_class ${storageClass}: refused before anything is sent, and said by inspect`, async () => {
    await withScriptedS3(bucketWith(NO_RULES), { storageClass }, async (driver, server) => {
      await assert.rejects(driver.prepare(), { code: 'refused.archival-class' });
      await assert.rejects(driver.put(KEY, payloadOf(Buffer.from('x')), { mode: 'replace' }), {
        code: 'refused.archival-class',
      });
      assert.deepEqual(server.requests, []);
      const [condition] = await driver.inspect();
      assert.ok(condition);
      assert.deepEqual([condition.severity, condition.concerns, condition.forceable], ['refuse', 'writing', false]);
    });
  });
}

for (const storageClass of ['GLACIER_IR', 'STANDARD_IA', undefined]) {
  test(`storage_class ${storageClass}: nothing to be said`, async () => {
    await withScriptedS3(bucketWith(NO_RULES), { storageClass }, async (driver) => {
      assert.deepEqual(await driver.inspect(), []);
    });
  });
}

const rule = (filter: string, deed: string, status = 'Enabled'): string =>
  `<Rule><ID>one</ID><Status>${status}</Status>${filter}${deed}</Rule>`;
const toGlacier = '<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>';

for (const [what, rules, expected] of [
  [
    'moves objects to an archival class',
    rule('<Filter><Prefix></Prefix></Filter>', toGlacier),
    ['moves objects to GLACIER 30 days after they were written'],
  ],
  [
    'does so at a date, and later deletes them',
    rule(
      '',
      '<Transition><Date>2030-01-01</Date><StorageClass>DEEP_ARCHIVE</StorageClass></Transition><Expiration><Days>1</Days></Expiration>',
    ),
    ['moves objects to DEEP_ARCHIVE from 2030-01-01 on and deletes objects 1 day after they were written'],
  ],
  [
    'concerns a prefix above ours',
    rule('<Prefix>sto</Prefix>', toGlacier),
    ['moves objects to GLACIER 30 days after they were written'],
  ],
  ['concerns another prefix', rule('<Filter><Prefix>logs/</Prefix></Filter>', toGlacier), []],
  ['concerns tagged objects', rule('<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>', toGlacier), []],
  [
    'concerns tagged objects of our prefix',
    rule('<Filter><And><Prefix>store/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>', toGlacier),
    [],
  ],
  ['is disabled', rule('', toGlacier, 'Disabled'), []],
  [
    'moves to a class that is read at once',
    rule('', '<Transition><Days>1</Days><StorageClass>GLACIER_IR</StorageClass></Transition>'),
    [],
  ],
  [
    'only ends unfinished uploads',
    rule(
      '',
      '<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
    ),
    [],
  ],
] as const) {
  test(`a lifecycle rule that ${what}`, async () => {
    const body = `<LifecycleConfiguration>${rules}</LifecycleConfiguration>`;
    await withScriptedS3(bucketWith({ status: 200, body }), { prefix: 'store/' }, async (driver) => {
      assert.deepEqual(
        told(await driver.inspect()),
        expected.map(
          (deed) => `warn writing store.lifecycle: the lifecycle rule "one" of the bucket "archive" ${deed}`,
        ),
      );
    });
  });
}

test('a lifecycle configuration as a server keeps it', async () => {
  await using server = await startFauxqs();
  await server.createBucket('archive');
  const body = `<LifecycleConfiguration>${rule('<Filter><Prefix></Prefix></Filter>', toGlacier)}</LifecycleConfiguration>`;
  const answer = await fetch(`${server.url}/archive?lifecycle`, { method: 'PUT', body });
  assert.ok(answer.ok, await answer.text());
  await using driver = await openS3Driver(s3Options({ url: server.url }), { environment: {} });
  assert.deepEqual(
    (await driver.inspect()).map(({ error }) => error.code),
    ['store.lifecycle'],
  );
});

for (const [what, answer] of [
  ['denied', { status: 403, body: errorXml('AccessDenied') }],
  ['not implemented', { status: 501, body: errorXml('NotImplemented') }],
] as const) {
  test(`a lifecycle configuration that is ${what} is nothing to be said`, async () => {
    await withScriptedS3(bucketWith(answer), {}, async (driver) => assert.deepEqual(await driver.inspect(), []));
  });
}

test('a source whose objects lie in an archival class', async () => {
  const object = (name: string, storageClass: string): string =>
    `<Contents><Key>${name}</Key><Size>1</Size><StorageClass>${storageClass}</StorageClass></Contents>`;
  const listing = [
    object('a', 'STANDARD'),
    object('b', 'GLACIER'),
    object('c', 'DEEP_ARCHIVE'),
    object('d', 'GLACIER_IR'),
  ];
  await withScriptedS3(bucketWith(NO_RULES, listing.join('')), {}, async (driver) => {
    assert.deepEqual(told(await driver.inspect()), [
      'warn cleaning store.archived: of the first 4 objects of the bucket "archive", 2 lie in an archival class ' +
        '(GLACIER, DEEP_ARCHIVE): documents among them cannot be read before they are restored',
    ]);
  });
});
