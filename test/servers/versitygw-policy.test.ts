import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { getRunning } from '../../scripts/servers/running.ts';
import { runManager } from '../support/manager.ts';
import { getTestPostgres } from '../support/postgres.ts';
import { REPOSITORY } from '../support/source-files.ts';

const run = promisify(execFile);

interface Policy {
  readonly Version: string;
  readonly Statement: readonly { readonly Action: readonly string[]; readonly Resource: string }[];
}

describe('deploy/s3-policy.json', () => {
  const user = { accessKey: `user${randomBytes(6).toString('hex')}`, secretKey: randomBytes(20).toString('hex') };
  const bucket = `test-${randomBytes(8).toString('hex')}`;
  const resources = new AsyncDisposableStack();
  let policy: Policy;
  let owner: S3Client;
  let url = '';
  let folder = '';

  before(async () => {
    const { credentials } = await getRunning('versitygw');
    const { s3Url = '', s3AccessKey = '', s3SecretKey = '', s3Region = '', command = '' } = credentials;
    url = s3Url;
    await run(
      command,
      [
        'admin',
        '--endpoint-url',
        s3Url,
        'create-user',
        '--role',
        'user',
        '--access',
        user.accessKey,
        '--secret',
        user.secretKey,
      ],
      {
        env: { ADMIN_ACCESS_KEY: s3AccessKey, ADMIN_SECRET_KEY: s3SecretKey, ADMIN_REGION: s3Region },
      },
    );
    owner = new S3Client({
      endpoint: s3Url,
      region: s3Region,
      forcePathStyle: true,
      credentials: { accessKeyId: s3AccessKey, secretAccessKey: s3SecretKey },
    });
    resources.defer(() => owner.destroy());
    await owner.send(new CreateBucketCommand({ Bucket: bucket }));
    const text = await readFile(join(REPOSITORY, 'deploy/s3-policy.json'), 'utf8');
    policy = JSON.parse(text.replaceAll('anchore-archive', bucket)) as Policy;
    folder = await mkdtemp(join(tmpdir(), 'test-policy-'));
    resources.defer(() => rm(folder, { recursive: true }));
  });
  after(() => resources.disposeAsync());

  /** As the policy of a bucket, which names whom it concerns. */
  const allow = async (without?: string): Promise<void> => {
    const statements = policy.Statement.map((each) => ({
      ...each,
      Action: each.Action.filter((action) => action !== without),
      Principal: { AWS: [user.accessKey] },
    }));
    await owner.send(
      new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify({ ...policy, Statement: statements }) }),
    );
  };

  const writeConfig = async (name: string, driver: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(
      file,
      `services: {catalog: {archive: {compression: {enabled: false}, storage_driver: ${driver}}}}\n`,
    );
    return file;
  };
  const s3 = (): string =>
    `{name: s3, config: {url: '${url}', bucket: ${bucket}, access_key: ${user.accessKey}, secret_key: ${user.secretKey}}}`;

  test('is enough to check, to move an archive there, and back again', async () => {
    await allow();
    await using database = await (await getTestPostgres()).createDatabase({ template: 'fixture' });
    const [from, to] = [await writeConfig('db.yaml', '{name: db, config: {}}'), await writeConfig('s3.yaml', s3())];
    const manager = (...args: readonly string[]) =>
      runManager(['archivestorage', ...args], { ANCHORE_DB_CONNECT: database.url });
    for (const args of [
      ['check', to],
      ['migrate', from, to, '--dontask'],
      ['verify', to],
      ['migrate', to, from, '--dontask'],
    ]) {
      const { code, stderr, stdout } = await manager(...args);
      assert.equal(code, 0, `${args[0]}: ${stderr}${stdout}`);
      assert.doesNotMatch(stderr, /denied/i);
    }
  });

  for (const action of ['s3:PutObject', 's3:GetObject', 's3:DeleteObject', 's3:ListBucket']) {
    test(`without ${action}, check says what is denied`, async () => {
      await allow(action);
      await using database = await (await getTestPostgres()).createDatabase();
      const { code, stderr } = await runManager(['archivestorage', 'check', await writeConfig('s3.yaml', s3())], {
        ANCHORE_DB_CONNECT: database.url,
      });
      assert.equal(code, 4, stderr);
      assert.match(stderr, /denie|not permitted|Forbidden|AccessDenied/i);
      assert.ok(!stderr.includes(user.secretKey));
    });
  }
});
